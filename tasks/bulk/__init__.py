"""Use cases of bulk work: packing the jobs of batches into chunks, claiming and ending chunks."""
