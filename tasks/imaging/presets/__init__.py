"""Presets: their model, parsing, the packaged ones, and their fingerprints.

Start reading at `model.py`; `presets.toml` holds the packaged presets.
"""
