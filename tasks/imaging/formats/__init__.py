"""Readers of container formats: which format a file has, and how it is put together.

They walk structures and never decode pixels. Start reading at `detect.py`.
"""
