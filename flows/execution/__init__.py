"""Executes claimed work as a flow run, and releases the claim afterwards.

`job_executor` makes an attempt at a job, `chunk_executor` at a chunk, `batch_leaders` gives each
running batch a leader, `supervise` ends an attempt early. Where the work comes from is not known
here. Start reading at `job_executor.py`.
"""
