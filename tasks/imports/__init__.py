"""Use cases of imported files: accept one as a batch, and plan the batch's jobs."""
