"""The pipeline of animations: the steps of still images, one frame after the other.

Start reading at `pipeline.py`.
"""
