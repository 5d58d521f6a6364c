"""Draws the sample product picture of the demo and the tests. Start reading at `product.py`."""
