"""`product-images retry|cancel JOB_ID…`: change jobs that exist."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from api.cli.client import ApiClient, open_client
from api.cli.completion import complete_retryable_jobs, complete_unfinished_jobs
from api.cli.options import Json, require_id, require_job_ids
from api.cli.views.job_table import print_job
from api.cli.views.json_output import write_json
from api.cli.views.terminal import err, out
from api.cli.views.watch import watch
from infra.contract.errors import ProductImagesError, ServiceUnavailable
from infra.contract.states import JobState

_Wait = Annotated[bool, typer.Option("--wait", help="Follow the jobs to their end.")]


@dataclass(frozen=True, slots=True)
class _Change:
    """What is asked for, what is promised at once, and the state that fulfils it."""

    ask: Callable[[ApiClient, str], Any]
    promise: str
    goal: JobState


def retry(
    job_ids: Annotated[
        list[str],
        typer.Argument(
            metavar="JOB_ID", callback=require_job_ids, autocompletion=complete_retryable_jobs
        ),
    ],
    image: Annotated[
        str | None,
        typer.Option(metavar="IMAGE_ID", help="Only this image, of one job.", callback=require_id),
    ] = None,
    wait: _Wait = False,
    as_json: Json = False,
) -> None:
    """Retry failed images; with --wait, exit status 1 unless all are ready."""
    if image is not None and len(job_ids) != 1:
        raise typer.BadParameter("--image belongs to one job; name only that one.")

    def ask(client: ApiClient, job_id: str) -> Any:
        return client.retry(job_id, image)

    change = _Change(ask, "is queued again", JobState.READY)
    _carry_out(change, job_ids, wait=wait, as_json=as_json)


def cancel(
    job_ids: Annotated[
        list[str],
        typer.Argument(
            metavar="JOB_ID", callback=require_job_ids, autocompletion=complete_unfinished_jobs
        ),
    ],
    wait: _Wait = False,
    as_json: Json = False,
) -> None:
    """Cancel jobs; with --wait, exit status 1 if one ends otherwise."""
    change = _Change(ApiClient.cancel, "is being cancelled", JobState.CANCELLED)
    _carry_out(change, job_ids, wait=wait, as_json=as_json)


def _carry_out(change: _Change, job_ids: Sequence[str], *, wait: bool, as_json: bool) -> None:
    errors: list[dict[str, str]] = []
    with open_client() as client:
        jobs = []
        for job_id in job_ids:
            try:
                jobs.append(change.ask(client, job_id))
            except ServiceUnavailable:  # it would be the same for all
                raise
            except ProductImagesError as exc:  # the others still get their turn
                errors.append({"job_id": job_id, "code": exc.code, "detail": exc.detail})
                err.print(f"Job {job_id}: {exc}", style="red", markup=False, soft_wrap=True)
        if wait:
            jobs = [watch(client, job["id"], quiet=as_json) for job in jobs]
    if as_json:
        write_json({"jobs": jobs, "errors": errors})
    for job in [] if as_json else jobs:
        if wait and change.goal is JobState.READY:
            print_job(out, job)
        elif JobState(job["state"]).is_final:
            out.print(f"Job {job['id']} is {job['state']}.", soft_wrap=True)
        else:
            out.print(f"Job {job['id']} {change.promise}.", soft_wrap=True)
    if errors or (wait and any(job["state"] != change.goal for job in jobs)):
        raise typer.Exit(1)
