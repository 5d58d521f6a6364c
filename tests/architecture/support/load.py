"""Run in a fresh interpreter: imports modules with the network shut, and reports as JSON.

Knows nothing of the project; arguments: a folder for the import path, heavy packages with commas
between, modules.
"""

import importlib
import json
import sys
import threading
from typing import Any

# Audit events of the interpreter that an import must not cause.
SHUT = (
    "socket.bind",
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "socket.sendto",
    "subprocess.Popen",
    "os.fork",
    "os.posix_spawn",
)


class ReachedOut(BaseException):
    """Not an Exception: a module that swallows errors must not hide it."""


def _shut(event: str, arguments: tuple[Any, ...]) -> None:
    # urllib3 tries whether IPv6 exists by binding a socket to any port: nobody can reach it.
    if event in SHUT and arguments[1:] != (("::1", 0),):
        raise ReachedOut(f"{event} at import")


def main() -> None:
    """Import what the arguments name, in their order."""
    folder, heavy, *names = sys.argv[1:]
    packages = set(heavy.split(","))
    sys.path.insert(0, folder)
    sys.addaudithook(_shut)
    report: dict[str, Any] = {"errors": {}, "heavy": {}, "threads": []}
    for name in names:
        _load(name, packages, report)
    json.dump(report, sys.stdout)


def _load(name: str, heavy: set[str], report: dict[str, Any]) -> None:
    loaded, threads = heavy & sys.modules.keys(), threading.active_count()
    try:
        importlib.import_module(name)
    except BaseException as exc:  # noqa: BLE001 - whatever an import raises is the finding
        report["errors"][name] = f"{type(exc).__name__}: {exc}"
    if brought := (heavy & sys.modules.keys()) - loaded:
        report["heavy"][name] = ", ".join(sorted(brought))
    if threading.active_count() > threads:
        report["threads"].append(name)


main()
