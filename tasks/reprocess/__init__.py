"""Use cases: regenerate images in bulk; the old variants are shown until the new ones are ready."""
