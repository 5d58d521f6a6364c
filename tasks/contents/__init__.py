"""Stored contents: locks on them, and their removal.

`locks` serializes by SHA-256, `removal_guard` finds results whose objects were removed meanwhile.
Which contents are garbage is decided in `tasks.upkeep`. Start reading at `remove.py`.
"""
