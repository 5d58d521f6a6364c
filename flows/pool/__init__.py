"""Runs that come through Prefect's work pool: manual retries, quick runs, schedules, limits.

`worker_type` is the Prefect worker, `polling` keeps it polling, `runs` and `chunk_runs` turn what
it received into work. Deliveries of RabbitMQ are in `flows.bridge`. Start reading at
`worker_type.py`.
"""
