"""`product-images import FILE`: import a catalogue, and follow the batch."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from api.cli.client import ApiRefusal, open_client
from api.cli.options import BaseUrl, Currency, Json, Map, Profile, Strict, Watch
from api.cli.views.batch_table import print_batch
from api.cli.views.import_table import print_checked, print_row_errors, print_warnings
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
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xml": "application/xml",
}
_UNTOLD = "application/octet-stream"


def _require(file: Path) -> Path:
    if file != _STDIN and not file.is_file():
        raise typer.BadParameter(f"There is no file {str(file)!r}.")
    return file


_File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="A CSV, NDJSON, Excel or XML file, - for standard input.",
        callback=_require,
    ),
]
_Policy = Annotated[ImportPolicy, typer.Option(help="How bad rows are treated.")]
_Callback = Annotated[str | None, typer.Option(help="Receives a message when the batch ends.")]
_Key = Annotated[
    str | None,
    typer.Option(help="An Idempotency-Key: the same file sent again gives the same batch."),
]
_DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only check the file, and show how it is read.")
]


def import_file(
    file: _File,
    policy: _Policy = ImportPolicy.REJECT_ALL,
    preset: Annotated[str, typer.Option(help="Which variants are made.")] = "web",
    callback_url: _Callback = None,
    key: _Key = None,
    dry_run: _DryRun = False,
    profile: Profile = None,
    mapping: Map = None,
    strict: Strict = False,
    base_url: BaseUrl = None,
    currency: Currency = None,
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
        "profile": profile,
        "map": mapping or None,
        "columns": "strict" if strict else None,
        "base_url": base_url,
        "currency": currency,
    }
    media_type = _TYPES.get(file.suffix.lower(), _UNTOLD)
    with open_client(timeout_seconds=_PATIENCE_SECONDS) as client:
        with _opened(file) as opened:
            try:
                answer = client.import_file(opened, media_type, key=key, **query)
            except ApiRefusal as exc:
                print_row_errors(err, exc.errors)
                raise
        ended = None
        if watch and not dry_run:
            ended = watch_batch(client, answer["batch_id"], quiet=as_json)
    if as_json:
        write_json(ended or answer)
    else:
        _print_result(answer, ended)
    is_ready = ended is None or ended["state"] == BatchState.READY
    if not (answer.get("acceptable", True) and is_ready):
        raise typer.Exit(1)


def _print_result(answer: dict[str, Any], ended: dict[str, Any] | None) -> None:
    is_dry = "acceptable" in answer
    if is_dry:
        print_checked(out, answer)
    else:
        print_warnings(err, answer["read"])
    print_row_errors(err, answer["errors"])
    counted = f"{answer['rows']} rows, {answer['rejected']} of them with errors"
    if answer["products"] != answer["accepted"]:
        counted += f", {answer['products']} products"
    if is_dry:
        verdict = "would be accepted" if answer["acceptable"] else "would be refused"
        out.print(f"The file {verdict}: {counted}.")
    else:
        out.print(f"Batch {answer['batch_id']} has {counted}.", soft_wrap=True)
    if ended is not None:
        print_batch(out, ended)


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
