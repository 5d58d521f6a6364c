"""Chunks: many jobs of batches as one message and one flow run.

`pack` fills chunks, `claim` takes one, `finish` ends it. Keeping one, giving it back and bringing
orphans back is as with jobs, in `tasks.jobs`, where the jobs inside are, too. Start reading
at `pack.py`.
"""
