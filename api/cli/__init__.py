"""The `product-images` command line."""
