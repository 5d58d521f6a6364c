"""Chunks: many jobs of batches as one message and one flow run.

`pack` fills chunks, `claim` and `lease` take and keep one, `reclaim` brings orphans back. The jobs
inside are those of `tasks.jobs`. Start reading at `pack.py`.
"""
