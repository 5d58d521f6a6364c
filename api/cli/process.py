"""`product-images process URL|FILE…`: post images, watch the job, show what came out."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from api.cli.client import ApiClient, open_client
from api.cli.job_table import print_job
from infra.states import JobState

_POLL_SECONDS = 0.15
_out = Console(highlight=False)


def process(
    sources: Annotated[list[str], typer.Argument(metavar="URL|FILE…", help="Images.")],
    sku: Annotated[str | None, typer.Option(help="Your own name of the product.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,  # noqa: FBT002 - typer's way
) -> None:
    """Process images of one product; exit status 1 unless all of them are ready."""
    urls, files = _sort(sources)
    with open_client() as client:
        accepted = client.process(urls, files, sku)
        job = watch(client, accepted["job_id"], quiet=as_json)
    if as_json:
        _out.print_json(json.dumps(job))
    else:
        print_job(_out, job)
    if job["state"] != "ready":
        raise typer.Exit(1)


def watch(client: ApiClient, job_id: str, *, quiet: bool = False) -> Any:
    """Return the job when it is final; show its progress meanwhile."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("images"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=_out, disable=quiet, transient=True) as progress:
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


def _sort(sources: Sequence[str]) -> tuple[list[str], list[Path]]:
    """Tell URLs from files; a name that is neither stops the command."""
    urls = [source for source in sources if "://" in source]
    files = [Path(source) for source in sources if "://" not in source]
    for path in files:
        if not path.is_file():
            raise typer.BadParameter(f"{path} is neither a file nor a URL.")
    return urls, files
