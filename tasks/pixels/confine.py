"""Confine the process that decodes: from here on it can compute, and write into one folder.

Each measure is taken where the system has it and told in a report, because containers and other
systems than Linux lack some. It runs in the child, before the first image.
"""

import ctypes
import os
import resource
import signal
import socket
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tasks.pixels.landlock import confine_files
from tasks.pixels.seccomp import deny_system_calls

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38

# Of a user's own for each process, so that none can touch another's. The first range is used by
# nothing else on Linux (systemd's UIDS-GIDS), the second inside containers that map 65,536 users.
_USERS: Final = ((1_879_048_192, 4_194_304), (61_184, 4_336))
# What root needs to give a process away, to end it, and to read what it wrote.
_CAPABILITIES: Final = (1 << 0) | (1 << 1) | (1 << 5) | (1 << 6) | (1 << 7)

_OPEN_FILES: Final = 64
_THREADS: Final = 256  # of a user of its own: decoders use one per CPU
_FILE_BYTES: Final = 2 * 1024**3  # an animation's frames at full size are the largest
_UNREADABLE: Final = ("/etc/passwd", "/proc/1/status")

# What the interpreter and its libraries may still open: none of it holds anything of ours.
_READABLE: Final = (
    *(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    *(Path(path) for path in ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")),
    *(Path(path) for path in ("/etc/ld.so.cache", "/dev/null", "/dev/zero", "/dev/urandom")),
    *(Path(path) for path in ("/proc/self", "/proc/cpuinfo", "/proc/meminfo")),
    Path("/sys/devices/system/cpu"),
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a process may use: address space, CPU time of its whole life, and its folder.

    `folder` is an open descriptor; `group` is the worker's, which keeps access to it.
    """

    memory_bytes: int
    cpu_seconds: int
    folder: int
    group: int


def confine(bounds: Bounds) -> dict[str, bool]:
    """Take every measure that the system has; return which of them hold, as was tried."""
    parent = os.getppid()
    os.umask(0o022)
    os.fchdir(bounds.folder)  # paths are relative from here: no folder above need be reachable
    limits = {
        resource.RLIMIT_AS: bounds.memory_bytes,
        resource.RLIMIT_CPU: bounds.cpu_seconds,
        resource.RLIMIT_CORE: 0,  # a core dump of a decoder is useless
        resource.RLIMIT_FSIZE: _FILE_BYTES,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
    }
    for limit, value in limits.items():
        resource.setrlimit(limit, (value, value))
    _set_process(_PR_SET_NO_NEW_PRIVS, 1)
    confine_files(bounds.folder, _READABLE)
    has_own_user = _become_own_user(bounds)
    _die_with(parent)
    deny_system_calls()
    return {"own_user": has_own_user, **_report()}


def _become_own_user(bounds: Bounds) -> bool:
    """Where root starts the worker, change to a user of the process's own, with no privileges."""
    capabilities = int(_status().get("CapEff", "0"), 16) & _CAPABILITIES
    if os.geteuid() != 0 or capabilities != _CAPABILITIES:
        return False
    for first, count in _USERS:
        user = first + os.getpid() % count
        try:
            os.fchown(bounds.folder, user, bounds.group)
            os.fchmod(bounds.folder, 0o770)
            os.setgroups([])
            os.setresgid(user, user, user)
            # Counts all processes of a user, so it is for one that no other process has.
            resource.setrlimit(resource.RLIMIT_NPROC, (_THREADS, _THREADS))
            os.setresuid(user, user, user)
        except OSError:  # not a user of this container
            continue
        return True
    return False


def _set_process(option: int, value: int) -> None:
    prctl = getattr(ctypes.CDLL(None), "prctl", None)  # Linux
    if prctl is not None:
        prctl(option, value, 0, 0, 0)


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when the server dies, in C code or not.

    After the change of user, which would forget it.
    """
    _set_process(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died in between
        os._exit(1)


def _report() -> dict[str, bool]:
    status, network_denied = _status(), False
    try:
        socket.socket().close()
    except OSError:
        network_denied = True
    return {
        "no_new_privileges": status.get("NoNewPrivs") == "1",
        "system_calls_denied": status.get("Seccomp") == "2",
        "network_denied": network_denied,
        "files_denied": not any(_opens(path) for path in _UNREADABLE),
    }


def _status() -> dict[str, str]:
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:  # not Linux
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _opens(path: str) -> bool:
    try:
        Path(path).read_bytes()
    except OSError:
        return False
    return True
