"""Copies of a whole system, rows and objects: made at one moment, and brought back.

Start reading at `backup.py`.
"""
