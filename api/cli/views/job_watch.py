"""Follows a job until it is final, with a progress bar on standard error."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from api.cli.client import ApiClient
from api.cli.views.terminal import Terminal
from infra.contract.states import JobState

_POLL_SECONDS = 0.15
_err = Terminal(stderr=True, highlight=False)


def watch(client: ApiClient, job_id: str, *, quiet: bool = False) -> Any:
    """Return the job when it is final; show its progress meanwhile."""
    with progress_bar(quiet=quiet) as show:
        while True:
            job = client.job(job_id)
            show(description=job["state"])
            show(total=job["progress"]["total"], completed=job["progress"]["done"])
            if JobState(job["state"]).is_final:
                return job
            time.sleep(_POLL_SECONDS)


@contextmanager
def progress_bar(*, quiet: bool, unit: str = "images") -> Iterator[Callable[..., None]]:
    """Yield what changes a bar of things: its `description`, `total` and `completed`."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
    )
    hidden = quiet or not _err.is_terminal  # else an empty line would remain
    with Progress(*columns, console=_err, disable=hidden, transient=True) as progress:
        yield partial(progress.update, progress.add_task("queued", total=None))
