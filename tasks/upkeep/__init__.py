"""Upkeep of the store: removes unused objects, and checks announced ones."""
