"""How records are written down: one module for each format of imported files, and what they share.

Each yields records with flat memory, whatever a file holds. What values mean is not known here.
"""
