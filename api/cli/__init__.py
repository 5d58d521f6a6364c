"""The `product-images` command line.

`main` puts it together from `registry`; each command is a module in `commands`, what it prints is
in `views`. Start reading at `registry.py`.
"""
