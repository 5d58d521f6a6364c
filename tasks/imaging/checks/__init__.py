"""Checks of the bytes before anything is decoded: size, truncation, floods.

No pixels are decoded here. Start reading at `integrity.py`.
"""
