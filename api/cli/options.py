"""Options and arguments that several commands have, and how what people type is read."""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from api.imports.profiles import ProfileName

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Watch = Annotated[bool, typer.Option("--watch", help="Follow the batch to its end.")]

# How the columns of imported files are read.
Profile = Annotated[
    ProfileName | None, typer.Option(help="Whose columns they are; none for our own.")
]
Map = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="COLUMN:FIELD,…", help="Our field for a column."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse unknown columns.")]
BaseUrl = Annotated[
    str | None, typer.Option(help="Where addresses of images begin that are no whole URLs.")
]
FilePattern = Annotated[
    str | None,
    typer.Option("--pattern", help="How pictures in a ZIP are named, like {sku}_{n}.jpg."),
]
Currency = Annotated[str | None, typer.Option(help="The currency of prices that name none.")]

_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhdw])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def require_job_id(job_id: str | None) -> str | None:
    """Return the id in its usual spelling; stop the command when it cannot be one."""
    example = "019b0c5e-7a1f-7c3d-9e52-4f0d6a8b1c2e"
    told = f"{job_id!r} is not a job id; one looks like {example}."
    return None if job_id is None else _id(job_id, told)


def require_job_ids(job_ids: list[str]) -> list[str]:
    """Return the ids in their usual spelling, each once."""
    return list(dict.fromkeys(filter(None, map(require_job_id, job_ids))))


def require_batch_id(batch_id: str) -> str:
    """Return the id of a batch in its usual spelling; stop the command when it cannot be one."""
    return _id(batch_id, f"{batch_id!r} is not a batch id; see `product-images batches list`.")


def require_id(text: str | None) -> str | None:
    """Return an id of something else in its usual spelling."""
    return None if text is None else _id(text, f"{text!r} is not an id.")


def _id(text: str, refusal: str) -> str:
    try:
        return str(UUID(text))
    except ValueError as exc:
        raise typer.BadParameter(refusal) from exc


def require_readable(path: Path, absence: str) -> None:
    """Stop the command, with `absence`, unless there is such a file, and unless it may be read."""
    if not path.is_file():
        raise typer.BadParameter(f"{path} {absence}.")
    if not os.access(path, os.R_OK):
        raise typer.BadParameter(f"{path} may not be read by you.")


def parse_duration(text: str) -> timedelta:
    """Return a duration such as 90d, 12h, 30m or 2w; stop the command when the text is none."""
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a duration; write one like 30m, 12h, 90d or 4w.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
