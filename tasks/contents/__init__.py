"""Stored contents: what is shown of them, who refers to them, locks on them, and their removal.

`variants` and `page_facts` read them, `references` says which are shown, `locks` serializes by
SHA-256, `removal_guard` finds results whose objects were removed meanwhile. Which contents are
garbage is decided in `tasks.upkeep`. Start reading at `remove.py`.
"""
