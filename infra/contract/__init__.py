"""The vocabulary that all parts share: errors, states, messages, object keys, events.

Plain data without I/O. Start reading at `errors.py`.
"""
