"""Metadata that a variant may keep: copyright from EXIF, IPTC and XMP.

Start reading at `copyright.py`.
"""
