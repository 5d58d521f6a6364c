"""Follows a job or a batch until it is final, with a progress bar on standard error."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from api.cli.client import ApiClient
from api.cli.views.terminal import err
from infra.contract.errors import ServiceUnavailable
from infra.contract.states import BatchState, JobState

_JOB_POLL_SECONDS = 0.15
_BATCH_POLL_SECONDS = 1.0
_PATIENCE = 30  # polls of a batch in a row without an answer


def watch(client: ApiClient, job_id: str, *, quiet: bool = False) -> Any:
    """Return the job when it is final; show its progress meanwhile."""
    with progress_bar(quiet=quiet) as show:
        while True:
            job = client.job(job_id)
            show(description=job["state"])
            show(total=job["progress"]["total"], completed=job["progress"]["done"])
            if JobState(job["state"]).is_final:
                return job
            time.sleep(_JOB_POLL_SECONDS)


def watch_batch(client: ApiClient, batch_id: str, *, quiet: bool = False) -> Any:
    """Return the batch when it is final; an API that restarts meanwhile costs nothing."""
    with progress_bar(quiet=quiet, unit="jobs") as show:
        left = _PATIENCE
        while True:
            try:
                batch, left = client.batch(batch_id), _PATIENCE
            except ServiceUnavailable:
                left -= 1
                if not left:
                    raise
            else:
                ended = round(batch["progress"] * batch["total"])
                show(description=batch["state"], total=batch["total"], completed=ended)
                if batch["state"] != BatchState.RUNNING:
                    return batch
            time.sleep(_BATCH_POLL_SECONDS)


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
    hidden = quiet or not err.is_terminal  # else an empty line would remain
    with Progress(*columns, console=err, disable=hidden, transient=True) as progress:
        yield partial(progress.update, progress.add_task("queued", total=None))
