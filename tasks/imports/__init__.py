"""Use cases of batches that are made by imports."""
