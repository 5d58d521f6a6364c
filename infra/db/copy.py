"""Writes many rows with COPY, in PostgreSQL's text format: one line per row.

A caller with more rows than memory keeps the lines in a file and copies it piece by piece.
"""

from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from typing import Any

from sqlalchemy.orm import Session

_PIECE_BYTES = 4 * 1024 * 1024  # one statement each, so that no statement runs for long
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def copy_line(values: Iterable[str | None]) -> bytes:
    """Return a row as a line. The values are text as PostgreSQL reads it, None is NULL."""
    cells = ("\\N" if value is None else value.translate(_ESCAPES) for value in values)
    return ("\t".join(cells) + "\n").encode()


def copy_into(
    session: Session, table: str, columns: Sequence[str], *, lines: Iterable[bytes]
) -> None:
    """Write the lines within the session's transaction, with flat memory."""
    session.flush()
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    connection: Any = session.connection().connection  # the driver's own: COPY is its speciality
    with connection.cursor() as cursor:
        for piece in _pieces(lines):
            cursor.copy_expert(statement, piece)


def _pieces(lines: Iterable[bytes]) -> Iterator[BytesIO]:
    piece = BytesIO()
    for line in lines:
        piece.write(line)
        if piece.tell() >= _PIECE_BYTES:
            piece.seek(0)
            yield piece
            piece = BytesIO()
    if piece.tell():
        piece.seek(0)
        yield piece
