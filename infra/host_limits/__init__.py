"""Rate and concurrency limits per supplier host, shared by all workers.

`lua` has the rules, `policy` their numbers, `redis_limits` keeps what is known of each host in
Redis, `local_limits` what this process must not forget while Redis is away, `limiter` chooses
between them. Nothing here opens a connection to a supplier. Start reading at `limiter.py`.
"""
