"""Installs RabbitMQ from the system's packages, where that is possible without asking.

The package would start a service of its own on port 5672; that is prevented for the time of an
installation, and a service that already runs is left alone.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from infra.stack.private_files import open_private, private_directory
from infra.stack.services.rabbitmq import find_server
from infra.stack.supervisor.errors import ProgramMissing
from infra.stack.supervisor.part import PartState, Progress, Report

_POLICY = Path("/usr/sbin/policy-rc.d")
_NO_SERVICES = "#!/bin/sh\nexit 101\n"  # "action forbidden by policy"
_SECONDS = 600
_PACKAGE = "rabbitmq-server"
_TWO_WAYS = (
    "RabbitMQ is missing. Either install it (Debian and Ubuntu: "
    f"apt-get install --no-install-recommends {_PACKAGE}) or set AMQP_URL to a broker that runs."
)


def require_rabbitmq(log: Path, report: Report) -> Path:
    """Return RabbitMQ's start script; install the package when it is missing and permitted."""
    found = find_server()
    if found is not None:
        return found
    prefix = privilege()
    if prefix is None:
        raise ProgramMissing(_TWO_WAYS)
    begun = time.monotonic()
    report(Progress("rabbitmq", PartState.WAITING, detail=f"installing {_PACKAGE}; log: {log}"))
    install(prefix, log, _PACKAGE)
    found = find_server()
    if found is None:
        raise ProgramMissing(f"Installing {_PACKAGE} failed, see {log}. {_TWO_WAYS}")
    seconds = time.monotonic() - begun
    report(Progress("rabbitmq", PartState.WAITING, seconds, detail="installed"))
    return found


def privilege() -> tuple[str, ...] | None:
    """Return how to become root without a question (empty: already root), or None."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return ()
    sudo = shutil.which("sudo")
    if sudo is None:
        return None
    allowed = subprocess.run([sudo, "-n", "true"], capture_output=True, check=False)  # noqa: S603 - fixed
    return (sudo, "-n") if allowed.returncode == 0 else None


def install(prefix: tuple[str, ...], log: Path, package: str) -> None:
    """Install a package, as root by `prefix`; the caller checks whether that worked."""
    name = f"product-images-install-{os.geteuid()}.lock"
    with Path(tempfile.gettempdir(), name).open("ab") as lock:
        # Other processes of this user may install too: apt refuses a second one at once.
        fcntl.flock(lock, fcntl.LOCK_EX)  # until the file is closed, also by a crash
        ours = not _POLICY.exists()
        try:
            if ours:
                _run(prefix, log, "sh", "-c", f"printf '{_NO_SERVICES}' > {_POLICY}")
                _run(prefix, log, "chmod", "755", str(_POLICY))
            _run(prefix, log, "apt-get", "update", "-q")
            _run(prefix, log, "apt-get", "install", "-qy", "--no-install-recommends", package)
        finally:
            if ours:
                _run(prefix, log, "rm", "-f", str(_POLICY))


def _run(prefix: tuple[str, ...], log: Path, *command: str) -> None:
    private_directory(log.parent)
    quiet = ("env", "DEBIAN_FRONTEND=noninteractive")
    with open_private(log, "a") as output:
        subprocess.run(  # noqa: S603 - fixed commands
            (*prefix, *quiet, *command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            check=False,
        )
