"""From pixels to verified files of each format.

Which quality is asked for is decided in `quality`. Start reading at `variant_writer.py`.
"""
