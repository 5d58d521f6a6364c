"""Colours: from any profile to sRGB. Start reading at `to_srgb.py`."""
