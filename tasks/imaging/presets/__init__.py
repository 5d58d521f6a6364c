"""Presets: what they are, how they are read from a file, and their fingerprints.

Start reading at `model.py`; `tables.py` says what a file may hold, and `presets.toml` holds the
packaged presets. A pixel process loads `model.py` only, which does not load pydantic.
"""
