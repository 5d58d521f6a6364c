"""Finds out how a text file is encoded, and gives it as UTF-8.

UTF-8 is what all other modules read. A file in UTF-16 is known by its byte order mark, or by the
zeros of its first characters. What is neither of them is taken for Windows-1252, which spreadsheets
write in western Europe; unless UTF-8 stands in it elsewhere: then some bytes are simply broken.
"""

import codecs
import re
from dataclasses import dataclass
from enum import StrEnum
from tempfile import TemporaryFile
from typing import BinaryIO

from infra.contract.errors import ErrorCode, Rejected

_PIECE_BYTES = 1 << 20
_BOMS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_BROKEN = re.compile("[\udc80-\udcff]")  # bytes that are not UTF-8, under `surrogateescape`
_WIDE = re.compile("[^\x00-\x7f\udc80-\udcff]")  # characters of several bytes that are


class Encoding(StrEnum):
    """The encodings that are read."""

    UTF_8 = "utf-8"
    UTF_16 = "utf-16"
    WINDOWS_1252 = "windows-1252"


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file in UTF-8, which has to be closed if it is not the one that was given."""

    file: BinaryIO
    encoding: Encoding


def as_utf8(file: BinaryIO) -> Decoded:
    """Return the file, from its beginning, in UTF-8; raise `Rejected` (422) for broken bytes."""
    file.seek(0)
    beginning = file.read(64)
    wide = next((name for bom, name in _BOMS.items() if beginning.startswith(bom)), None)
    wide = wide or _wide_without_mark(beginning)
    if wide is not None:
        return Decoded(_transcoded(file, wide), Encoding.UTF_16)
    broken = _first_broken_line(file)
    if broken is None:
        file.seek(0)
        return Decoded(file, Encoding.UTF_8)
    line, has_utf8 = broken
    if has_utf8:
        raise _refused(f"Line {line} is not UTF-8, which the file is elsewhere.")
    return Decoded(_transcoded(file, "cp1252"), Encoding.WINDOWS_1252)


def _wide_without_mark(beginning: bytes) -> str | None:
    """Return the UTF-16 of a file that begins with Latin letters: half of its bytes are zero."""
    even, odd = beginning[0::2], beginning[1::2]
    if 2 * odd.count(0) > len(odd) and not even.count(0):
        return "utf-16-le"
    return "utf-16-be" if 2 * even.count(0) > len(even) and not odd.count(0) else None


def _first_broken_line(file: BinaryIO) -> tuple[int, bool] | None:
    """Return the first line that is not UTF-8, and whether characters of UTF-8 stand elsewhere."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    line, broken, has_utf8 = 1, None, False
    while True:
        piece = file.read(_PIECE_BYTES)
        text = decoder.decode(
            piece.removeprefix(codecs.BOM_UTF8) if line == 1 else piece, not piece
        )
        if not text.isascii():
            found = _BROKEN.search(text)
            has_utf8 = has_utf8 or _WIDE.search(text) is not None
            if found and broken is None:
                broken = line + text.count("\n", 0, found.start())
        line += text.count("\n")
        if not piece:
            return None if broken is None else (broken, has_utf8)


def _transcoded(file: BinaryIO, encoding: str) -> BinaryIO:
    """Return a temporary file with the same text in UTF-8."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    written = TemporaryFile(prefix="product-images-import-")  # noqa: SIM115 - closed by the caller
    line, piece = 1, b""
    try:
        while True:
            piece = file.read(_PIECE_BYTES)
            text = decoder.decode(piece, not piece)
            written.write(text.encode())
            line += text.count("\n")
            if not piece:
                break
    except UnicodeError as exc:
        written.close()
        name = "UTF-16" if encoding.startswith("utf") else "UTF-8, UTF-16 or Windows-1252"
        line += piece.count(b"\n", 0, getattr(exc, "start", 0))
        raise _refused(f"The file is not {name} from line {line} on.") from exc
    written.seek(0)
    return written


def _refused(told: str) -> Rejected:
    return Rejected(
        422, ErrorCode.BAD_ENCODING, f"{told} Save the file as UTF-8 and send it again."
    )
