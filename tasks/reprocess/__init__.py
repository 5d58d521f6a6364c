"""Use cases of batches that are made by reprocess."""
