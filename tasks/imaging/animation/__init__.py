"""The pipeline of animations: the steps of still pictures, one frame after the other.

Start reading at `pipeline.py`.
"""
