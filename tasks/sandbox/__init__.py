"""Pixel processes: how they are started, contained, asked, and what of their answers is believed.

A decoder may be taken over by the picture that it reads. `confine` closes the ways out of its
process, `server` forks processes that hold no credential, `process` is the worker's end of one,
`folder` the only place on the disk that both share, and `answers` checks what comes back. Nothing
here knows jobs, queues, databases or Prefect.
"""
