"""Pixel processes: contained child processes that decode and encode, and may be killed.

`pool` keeps them and calls into them, `process` is the worker's end of one, `server` forks them,
`confine` closes the ways out (a decoder may be taken over by the image that it reads), `folder`
is the only place that both share, `answers` checks what comes back. Nothing here knows jobs,
queues or databases; the pixels' arithmetic is in `tasks.imaging`. Start reading at `pool.py`.
"""
