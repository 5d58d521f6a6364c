"""Server-sent events, and readings that many open pages share.

Start reading at `job_watcher.py`.
"""
