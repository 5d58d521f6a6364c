"""Accepting images as a job: in one transaction, at most once per idempotency key.

`submit` writes product, images and job; `upload` stores files first; `queue_limit` refuses when
too many jobs wait. What happens to a job later is in `tasks.jobs`. Start reading at `submit.py`.
"""
