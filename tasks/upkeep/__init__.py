"""Upkeep of the store: what nobody needs goes, and what was announced is looked after."""
