"""Choice of ports: free ones, remembered, so that a part finds its old address after a restart.

Chosen below the ephemeral range: above it the kernel may lend a stopped part's port to an
outgoing connection, and a client that retries may even connect to itself.
"""

import json
import random
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from infra.stack.private_files import replace_private
from infra.stack.supervisor.errors import PortTaken, StackError
from infra.stack.supervisor.probe import LOOPBACK

_LOWEST = 20_000
_HIGHEST = 32_000
_TRIES = 2_000


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(besides: Iterable[int] = ()) -> int:
    """Return a free loopback port that is not among `besides`."""
    excluded = set(besides)
    for _ in range(_TRIES):
        port = random.randrange(_LOWEST, _HIGHEST)
        if port not in excluded and is_free(port):
            return port
    raise StackError(f"No free port between {_LOWEST} and {_HIGHEST} on this machine.")


def remembered_ports(path: Path, names: Iterable[str], taken: Iterable[int]) -> Mapping[str, int]:
    """Return a port for each name, the one of the last start where it is still free.

    The file at `path` keeps the choice; `taken` are ports that the stack uses otherwise.
    """
    try:
        saved = json.loads(path.read_text())
    except (OSError, ValueError):
        saved = {}
    old = {str(name): int(port) for name, port in saved.items()}
    chosen: dict[str, int] = {}
    for name in names:
        others = {*taken, *chosen.values()}
        port = old.get(name)
        if port is None or port in others or not is_free(port):
            port = free_port(others | set(old.values()))
        chosen[name] = port
    replace_private(path, json.dumps(old | chosen, indent=2))
    return chosen


def require_free(port: int, variable: str, host: str = LOOPBACK) -> None:
    """Raise `PortTaken`, naming the variable, when something listens there."""
    if not is_free(port, host):
        raise PortTaken(
            f"Port {port} is taken. Stop what listens there, or choose another with {variable}=…"
        )
