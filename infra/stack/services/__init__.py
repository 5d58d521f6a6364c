"""The parts of a local stack, one per file: how each is configured, started and probed.

Start reading at `postgres.py`.
"""
