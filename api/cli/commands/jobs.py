"""`product-images jobs`: list jobs, show, watch or retry one."""

from datetime import datetime
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from api.cli.client import open_client
from api.cli.commands import job_changes
from api.cli.completion import complete_jobs, complete_unfinished_jobs
from api.cli.options import Json, require_job_id
from api.cli.views.job_events import follow
from api.cli.views.job_table import print_job
from api.cli.views.json_output import write_json
from api.cli.views.terminal import out, print_table, right
from infra.contract.states import JobState

_COLUMNS = ("id", "state", right("tries"), "created", right("took"), "sku")


class _ShowByDefault(TyperGroup):
    """`jobs` and `jobs JOB_ID` are short for `jobs show` and `jobs show JOB_ID`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put in the command that is left out; the context's type is private to typer."""
        named = args and args[0] in (*self.commands, *ctx.help_option_names)
        return super().parse_args(ctx, args if named else ["show", *args])


app = typer.Typer(
    cls=_ShowByDefault, help="List jobs, show, watch or retry one.", no_args_is_help=False
)
app.command("retry")(job_changes.retry)


@app.command("show")
def show(
    job_id: Annotated[
        str | None,
        typer.Argument(
            metavar="JOB_ID",
            help="Show this job with its images.",
            callback=require_job_id,
            autocompletion=complete_jobs,
        ),
    ] = None,
    state: Annotated[JobState | None, typer.Option(help="Only jobs in this state.")] = None,
    sku: Annotated[str | None, typer.Option(help="Only jobs of this product.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    as_json: Json = False,
) -> None:
    """List jobs, newest first, or show one."""
    with open_client() as client:
        if job_id is not None:
            found = client.job(job_id)
        else:
            found = client.jobs(state=state, sku=sku, limit=limit)
    if as_json:
        write_json(found)
    elif job_id is not None:
        print_job(out, found)
    elif not found["jobs"]:
        out.print("There are no such jobs.")
    else:
        rows = []
        for job in found["jobs"]:
            created, took = datetime.fromisoformat(job["created_at"]), ""
            if job["finished_at"] is not None:
                finished = datetime.fromisoformat(job["finished_at"])
                took = f"{(finished - created).total_seconds():.1f} s"
            since = created.strftime("%Y-%m-%d %H:%M:%S")
            cells = (job["id"], job["state"], str(job["attempts"]), since, took, job["sku"] or "")
            rows.append(cells)
        print_table(out, _COLUMNS, rows)


@app.command("watch")
def watch(
    job_id: Annotated[
        str,
        typer.Argument(
            metavar="JOB_ID", callback=require_job_id, autocompletion=complete_unfinished_jobs
        ),
    ],
    as_json: Json = False,
) -> None:
    """Follow a job to its end; exit status 1 unless all its images are ready."""
    with open_client() as client:
        job = follow(client, job_id, quiet=as_json)
    if as_json:
        write_json(job)
    else:
        print_job(out, job)
    if job["state"] != JobState.READY:
        raise typer.Exit(1)
