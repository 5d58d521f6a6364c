"""Server-sent events about jobs.

Start reading at `job_watcher.py`.
"""
