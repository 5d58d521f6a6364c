"""What a worker process shares among its runs: connections, event loop, leases, limits.

`resources` opens everything once, `event_loop` runs flows, `circuit_breaker` and
`dependency_monitor` pause the intake, `prefect_limits` reads limits and pauses. No flow is defined
here. Start reading at `resources.py`.
"""
