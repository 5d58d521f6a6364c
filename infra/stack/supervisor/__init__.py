"""Starts, watches and stops the parts of a local stack in order.

What the parts are is in `infra.stack.services`. Start reading at `supervisor.py`.
"""
