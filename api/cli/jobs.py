"""`product-images jobs`: list jobs, newest first, or show one."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from api.cli.client import open_client
from api.cli.job_table import print_job
from infra.states import JobState

_out = Console(highlight=False)
_COLUMNS = ("id", "state", "sku", "attempts", "created_at", "finished_at")


def jobs(
    job_id: Annotated[str | None, typer.Argument(help="Show this job with its images.")] = None,
    state: Annotated[JobState | None, typer.Option(help="Only jobs in this state.")] = None,
    sku: Annotated[str | None, typer.Option(help="Only jobs of this product.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,  # noqa: FBT002 - typer's way
) -> None:
    """List jobs, newest first, or show one."""
    with open_client() as client:
        if job_id is not None:
            found = client.job(job_id)
        else:
            found = client.jobs(state=state, sku=sku, limit=limit)
    if as_json:
        _out.print_json(json.dumps(found))
    elif job_id is not None:
        print_job(_out, found)
    else:
        _out.print(_list(found["jobs"]))


def _list(found: Any) -> Table | str:
    if not found:
        return "There are no such jobs."
    table = Table(*_COLUMNS, box=None, header_style="bold")
    for job in found:
        table.add_row(*(str(job[name] or "") for name in _COLUMNS))
    return table
