"""Executes claimed work as a flow run, and releases the claim afterwards.

`executor` makes an attempt at a job or chunk and can end it early; what differs is in
`job_executor` and `chunk_executor`. `batch_leaders` gives each running batch a leader. Where the
work comes from is not known here. Start reading at `executor.py`.
"""
