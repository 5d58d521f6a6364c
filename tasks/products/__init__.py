"""Use cases of products: create, change, set the images, delete, list, and read from the cache."""
