"""Rate and concurrency limits per supplier host, shared by all workers.

`policy` has the rules, `redis_limits` keeps what is known of each host in Redis, `local_limits` in
this process while Redis is away, `limiter` chooses between them. Nothing here opens a connection
to a supplier. Start reading at `limiter.py`.
"""
