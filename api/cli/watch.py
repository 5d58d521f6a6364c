"""Follows a job until it is final, with a progress bar on standard error."""

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from api.cli.client import ApiClient
from infra.states import JobState

_POLL_SECONDS = 0.15
_err = Console(stderr=True, highlight=False)


def watch(client: ApiClient, job_id: str, *, quiet: bool = False) -> Any:
    """Return the job when it is final; show its progress meanwhile."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("images"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=_err, disable=quiet, transient=True) as progress:
        bar = progress.add_task("queued", total=None)
        while True:
            job = client.job(job_id)
            progress.update(
                bar,
                description=job["state"],
                total=len(job["images"]),
                completed=sum(image["state"] in ("ready", "failed") for image in job["images"]),
            )
            if JobState(job["state"]).is_final:
                return job
            time.sleep(_POLL_SECONDS)
