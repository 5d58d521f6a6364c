"""`product-images import FILE`: import a catalogue, and follow the batch."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from api.cli.client import ApiRefusal, open_client
from api.cli.options import Json, Watch
from api.cli.views.batch_table import print_batch
from api.cli.views.json_output import write_json
from api.cli.views.terminal import err, out
from api.cli.views.watch import watch_batch
from infra.contract.errors import ProductImagesError
from infra.contract.states import BatchState
from tasks.imports.row import ImportPolicy

_PATIENCE_SECONDS = 600  # a large file is read before it is answered
_STDIN = Path("-")
_TYPES = {
    **dict.fromkeys((".csv", ".tsv", ".txt"), "text/csv"),
    **dict.fromkeys((".ndjson", ".jsonl"), "application/x-ndjson"),
}
_UNTOLD = "application/octet-stream"


def _require(file: Path) -> Path:
    if file != _STDIN and not file.is_file():
        raise typer.BadParameter(f"There is no file {str(file)!r}.")
    return file


def import_file(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A CSV or NDJSON file, - for standard input.", callback=_require
        ),
    ],
    policy: Annotated[
        ImportPolicy, typer.Option(help="How bad rows are treated.")
    ] = ImportPolicy.REJECT_ALL,
    preset: Annotated[str, typer.Option(help="Which variants are made.")] = "web",
    callback_url: Annotated[
        str | None, typer.Option(help="Receives a message when the batch ends.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="An Idempotency-Key: the same file sent again gives the same batch."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check the file.")] = False,
    watch: Watch = False,
    as_json: Json = False,
) -> None:
    """Import products; exit status 1 if the file is refused or, with --watch, not all is ready."""
    query = {
        "policy": policy,
        "preset": preset,
        "callback_url": callback_url,
        "dry_run": "true" if dry_run else None,
        "name": None if file == _STDIN else file.name[:200],
    }
    media_type = _TYPES.get(file.suffix.lower(), _UNTOLD)
    with open_client(timeout_seconds=_PATIENCE_SECONDS) as client:
        with _opened(file) as opened:
            try:
                answer = client.import_file(opened, media_type, key=key, **query)
            except ApiRefusal as exc:
                _print_errors(exc.errors)
                raise
        ended = None
        if watch and not dry_run:
            ended = watch_batch(client, answer["batch_id"], quiet=as_json)
    if as_json:
        write_json(ended or answer)
    else:
        _print_errors(answer["errors"])
        counted = f"{answer['rows']} rows, {answer['rejected']} of them with errors"
        if "acceptable" in answer:
            verdict = "would be accepted" if answer["acceptable"] else "would be refused"
            out.print(f"The file {verdict}: {counted}.")
        else:
            out.print(f"Batch {answer['batch_id']} has {counted}.", soft_wrap=True)
        if ended is not None:
            print_batch(out, ended)
    is_ready = ended is None or ended["state"] == BatchState.READY
    if not (answer.get("acceptable", True) and is_ready):
        raise typer.Exit(1)


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    if file == _STDIN:
        yield sys.stdin.buffer
        return
    try:
        with file.open("rb") as opened:
            yield opened
    except OSError as exc:
        raise ProductImagesError("file_not_readable", f"{file} cannot be read.") from exc


def _print_errors(errors: Sequence[Any]) -> None:
    for error in errors:
        column = f", {error['column']}" if error.get("column") else ""
        told = f"line {error.get('line')}{column}: {error['detail']} ({error.get('code')})"
        err.print(told, style="red", markup=False, soft_wrap=True)
