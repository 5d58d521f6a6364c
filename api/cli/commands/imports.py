"""`product-images import FILE` imports a catalogue; `mappings` keeps how files are read."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.table import Table
from rich.text import Text

from api.cli.client import ApiRefusal, open_client
from api.cli.options import BaseUrl, Currency, FilePattern, Json, Map, Profile, Strict, Watch
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
    ".zip": "application/zip",
}
_UNTOLD = "application/octet-stream"

_Name = Annotated[str, typer.Argument(metavar="NAME", help="The supplier, for example.")]
_READING = ("profile", "map", "columns", "base_url", "currency", "pattern")

mappings = typer.Typer(
    help="Save, show and delete how suppliers' files are read.", no_args_is_help=True
)


def _require(file: Path) -> Path:
    if file != _STDIN and not file.is_file():
        raise typer.BadParameter(f"There is no file {str(file)!r}.")
    return file


_File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="A CSV, NDJSON, Excel or XML file, or a ZIP of pictures; - for standard input.",
        callback=_require,
    ),
]
_Policy = Annotated[ImportPolicy, typer.Option(help="How bad rows are treated.")]
_Callback = Annotated[str | None, typer.Option(help="Receives a message when the batch ends.")]
_Key = Annotated[
    str | None,
    typer.Option(help="An Idempotency-Key: the same file sent again gives the same batch."),
]
_Mapping = Annotated[
    str | None, typer.Option(metavar="NAME", help="A saved mapping, see `mappings`.")
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
    mapping: _Mapping = None,
    profile: Profile = None,
    columns: Map = None,
    strict: Strict = False,
    base_url: BaseUrl = None,
    currency: Currency = None,
    pattern: FilePattern = None,
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
        "mapping": mapping,
        "profile": profile,
        "map": columns or None,
        "columns": "strict" if strict else None,
        "base_url": base_url,
        "currency": currency,
        "pattern": pattern,
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


@mappings.command("list")
def list_mappings(
    after: Annotated[str | None, typer.Option(help="Begin behind this name.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Mappings to list.")] = 50,
    as_json: Json = False,
) -> None:
    """List saved mappings by name."""
    with open_client() as client:
        answer = client.mappings(after=after, limit=limit)
    if as_json:
        write_json(answer)
        return
    if not answer["mappings"]:
        out.print("No mapping is saved.")
        return
    table = Table("name", "profile", "map", box=None, pad_edge=False)
    for mapping in answer["mappings"]:
        profile = mapping["profile"] or "recognised"
        table.add_row(Text(mapping["name"]), profile, Text(", ".join(mapping["map"]) or "-"))
    out.print(table)


@mappings.command("show")
def show_mapping(name: _Name, as_json: Json = False) -> None:
    """Show a saved mapping."""
    with open_client() as client:
        answer = client.mapping(name)
    _print_mapping(answer, as_json=as_json)


@mappings.command("set")
def save_mapping(
    name: _Name,
    profile: Profile = None,
    mapping: Map = None,
    strict: Strict = False,
    base_url: BaseUrl = None,
    currency: Currency = None,
    pattern: FilePattern = None,
    as_json: Json = False,
) -> None:
    """Save a mapping, in place of one of that name; `import --mapping NAME` reads files by it."""
    reading = {
        "profile": profile,
        "map": mapping,
        "columns": "strict" if strict else None,
        "base_url": base_url,
        "currency": currency,
        "pattern": pattern,
    }
    with open_client() as client:
        answer = client.save_mapping(name, {k: v for k, v in reading.items() if v is not None})
    _print_mapping(answer, as_json=as_json)


@mappings.command("delete")
def delete_mapping(name: _Name) -> None:
    """Delete a saved mapping."""
    with open_client() as client:
        client.delete_mapping(name)
    out.print(Text(f"Mapping {name} is deleted."))


def _print_mapping(mapping: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        write_json(mapping)
        return
    out.print(Text(f"Mapping {mapping['name']}:"))
    for member in _READING:
        told = mapping[member]
        for text in told if isinstance(told, list) else [told]:
            if text is not None:
                out.print(Text(f"  {member}: {text}"), soft_wrap=True)
