"""`product-images api|worker|migrate`: become one process of the system."""

import os
import sys

from infra.settings.sections import inherited_environment


def api() -> None:
    """Run the HTTP API in the foreground."""
    _become("api.server")


def worker() -> None:
    """Run a worker in the foreground."""
    _become("flows.worker")


def migrate() -> None:
    """Apply all migrations to the database."""
    _become("infra.migrate")


def _become(module: str) -> None:
    """Replace this process, so that signals reach the service itself."""
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", module], inherited_environment())  # noqa: S606 - our own module
