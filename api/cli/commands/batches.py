"""`product-images batches`: list batches, show, watch, report, retry or cancel one."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.client import ApiClient, open_client
from api.cli.completion import complete_batches
from api.cli.options import Json, Watch, require_batch_id
from api.cli.views.batch_table import print_batch, print_batches
from api.cli.views.json_output import write_json
from api.cli.views.terminal import out
from api.cli.views.watch import watch_batch
from infra.contract.errors import ProductImagesError
from infra.contract.states import BatchKind, BatchState

_PATIENCE_SECONDS = 600  # many jobs are queued again before it is answered

app = typer.Typer(
    help="List batches, show, watch, report, retry or cancel one.", no_args_is_help=True
)

_Id = Annotated[
    str,
    typer.Argument(metavar="BATCH_ID", callback=require_batch_id, autocompletion=complete_batches),
]


@app.command("list")
def list_batches(
    state: Annotated[BatchState | None, typer.Option(help="Only batches in this state.")] = None,
    kind: Annotated[BatchKind | None, typer.Option(help="Only batches of this kind.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    as_json: Json = False,
) -> None:
    """List batches, newest first."""
    with open_client() as client:
        found = client.batches(state=state, kind=kind, limit=limit)
    if as_json:
        write_json(found)
    else:
        print_batches(out, found["batches"])


@app.command("show")
def show(batch_id: _Id, as_json: Json = False) -> None:
    """Show a batch with the number of its jobs in each state."""
    with open_client() as client:
        _print(client.batch(batch_id), as_json=as_json)


@app.command("watch")
def watch(batch_id: _Id, as_json: Json = False) -> None:
    """Follow a batch to its end; exit status 1 unless it is ready."""
    with open_client() as client:
        batch = watch_batch(client, batch_id, quiet=as_json)
    _print(batch, as_json=as_json)
    if batch["state"] != BatchState.READY:
        raise typer.Exit(1)


@app.command("retry")
def retry(
    batch_id: _Id,
    follow: Watch = False,
    as_json: Json = False,
) -> None:
    """Retry failed images of a batch; with --watch, exit status 1 unless it ends ready."""
    goal = BatchState.READY if follow else None
    _carry_out(ApiClient.retry_batch, batch_id, goal=goal, as_json=as_json)


@app.command("cancel")
def cancel(
    batch_id: _Id,
    follow: Watch = False,
    as_json: Json = False,
) -> None:
    """Cancel a batch; with --watch, exit status 1 if it ends otherwise."""
    goal = BatchState.CANCELLED if follow else None
    _carry_out(ApiClient.cancel_batch, batch_id, goal=goal, as_json=as_json)


@app.command("delete")
def delete(batch_id: _Id) -> None:
    """Delete an ended batch with its rows and report; its products stay."""
    with open_client() as client:
        client.delete_batch(batch_id)


@app.command("report")
def report(
    batch_id: _Id,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file.")
    ] = None,
) -> None:
    """Download the report: one CSV line for each image, in the order of the inputs."""
    with open_client() as client, client.report(batch_id) as pieces:
        if output is None:
            sys.stdout.buffer.writelines(pieces)
            sys.stdout.buffer.flush()
            return
        unfinished = output.with_name(f".{output.name}.part")  # named when it is whole
        try:
            with unfinished.open("wb") as target:
                target.writelines(pieces)
            unfinished.replace(output)
        except OSError as exc:
            raise ProductImagesError("file_not_writable", f"{output} cannot be written.") from exc
        finally:
            unfinished.unlink(missing_ok=True)


def _carry_out(
    ask: Callable[[ApiClient, str], Any], batch_id: str, *, goal: BatchState | None, as_json: bool
) -> None:
    with open_client(timeout_seconds=_PATIENCE_SECONDS) as client:
        batch = ask(client, batch_id)
        if goal is not None:
            batch = watch_batch(client, batch_id, quiet=as_json)
    _print(batch, as_json=as_json)
    if goal is not None and batch["state"] != goal:
        raise typer.Exit(1)


def _print(batch: Any, *, as_json: bool) -> None:
    if as_json:
        write_json(batch)
    else:
        print_batch(out, batch)
