"""Reads imported files: bytes become records, records become rows, or say what is wrong."""
