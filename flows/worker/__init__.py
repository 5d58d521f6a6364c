"""The worker process: `python -m flows.worker`.

`lifecycle` opens what a worker needs, waits for its dependencies, serves, and shuts down
gracefully; `duties` keeps its background duties alive. What a job does is in `flows.execution`.
Start reading at `lifecycle.py`.
"""
