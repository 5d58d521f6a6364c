"""What a backup says of itself, in the file that is written last: without it there is no backup."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

from infra.contract.errors import ErrorCode, ProductImagesError

NAME = "manifest.json"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class RowsFile:
    """The rows of a table, compressed with gzip, in PostgreSQL's own text format for COPY."""

    table: str
    columns: tuple[str, ...]
    rows: int
    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """One backup. `objects_file` names all objects of its rows; the objects lie beside it."""

    made_at: str
    revision: str
    tables: tuple[RowsFile, ...]
    objects_file: str
    objects_sha256: str
    objects: int
    object_bytes: int

    def as_json(self) -> str:
        """Return the text of the file."""
        return json.dumps({"version": _VERSION, **asdict(self)}, indent=2) + "\n"

    @classmethod
    def read(cls, text: str) -> Self:
        """Read the text; raise `ProductImagesError` when no version of ours wrote it."""
        try:
            fields: dict[str, Any] = json.loads(text)
            versions = {_VERSION}
            versions.remove(fields.pop("version"))  # a KeyError for any other
            tables = tuple(
                RowsFile(**{**each, "columns": tuple(each["columns"])})
                for each in fields.pop("tables")
            )
            return cls(tables=tables, **fields)
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            detail = f"{NAME} is not of a backup that this version can read."
            raise ProductImagesError(ErrorCode.INVALID_REQUEST, detail) from exc


def object_line(key: str, size_bytes: int, sha256: str, *, media_type: str) -> str:
    """Return the line of an object in the list of objects."""
    return json.dumps([key, size_bytes, sha256, media_type]) + "\n"


@dataclass(frozen=True, slots=True)
class CopiedObject:
    """An object: its key, size, content and the media type that browsers are told."""

    key: str
    bytes: int
    sha256: str
    media_type: str

    @property
    def name(self) -> str:
        """Return where its copy lies in the backup."""
        return f"objects/{self.key}"

    @classmethod
    def of(cls, line: str) -> Self:
        """Read a line of the list of objects."""
        return cls(*json.loads(line))
