"""Use cases of batches of any kind: show, settle, cancel, retry, report."""
