"""From a source file to pixels: open, judge unusual layouts, load.

Cheap checks before decoding are in `checks`, readers of container formats in `formats`. Start
reading at `open.py`.
"""
