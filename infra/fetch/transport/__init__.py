"""Connections to checked addresses, with deadlines.

Start reading at `dialer.py`.
"""
