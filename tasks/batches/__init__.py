"""Use cases of batches as a whole: planning, leading, reading, cancelling, retrying, settling."""
