"""Checks of a live system: does what must always hold, hold now, and what to do where it does not.

One module per subject; each check gives one finding. Start reading at `examine.py`.
"""
