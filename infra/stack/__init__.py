"""The local stack for development, demo and tests: every part without containers.

Not part of production. `supervisor` starts, watches and stops parts, `services` knows each part.
Start reading at `stack.py`.
"""
