"""Who this process is, for leases and logs."""

import os
import socket


def process_name() -> str:
    """Return a name that a person can trace: host and process id."""
    return f"{socket.gethostname()}-{os.getpid()}"
