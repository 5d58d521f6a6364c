"""Cuts an imported file into lines of text, with a bound on what is held in memory."""

from collections.abc import Iterator
from typing import BinaryIO

from infra.contract.errors import ErrorCode, Rejected

MAX_RECORD_CHARACTERS = 131_072
_MAX_LINE_BYTES = 4 * MAX_RECORD_CHARACTERS + 2  # UTF-8 needs four bytes at most
_BOM = b"\xef\xbb\xbf"
_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")


class TooLong(ValueError):
    """A record has more characters than it may; the file can be read on behind it."""


class Lines:
    """An iterator over the lines with their ends; `number` is that of the last one, from 1.

    It can be asked on after a `TooLong`, which says that everything since `begin` is too long.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._characters = 0
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def begin(self) -> None:
        """Say that a record begins with the next line."""
        self._characters = 0

    def __next__(self) -> str:
        """Return the next line. Raises `TooLong`, and `Rejected` (422) for what is not UTF-8."""
        raw = self._file.readline(_MAX_LINE_BYTES)
        if not raw:
            raise StopIteration
        self.number += 1
        if not raw.endswith(b"\n") and len(raw) >= _MAX_LINE_BYTES:
            while (rest := self._file.readline(_MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
            raise TooLong
        if self.number == 1:
            raw = raw.removeprefix(_BOM)
        try:
            text = raw.decode()
        except UnicodeDecodeError as exc:
            raise self._not_utf8(raw) from exc
        if self.number == 1 and "\x00" in text:
            raise self._not_utf8(_WIDE_BOMS[0])
        self._characters += len(text)
        if self._characters > MAX_RECORD_CHARACTERS:
            raise TooLong
        return text

    def _not_utf8(self, raw: bytes) -> Rejected:
        wide = self.number == 1 and raw.startswith(_WIDE_BOMS)
        looks = " It looks like UTF-16." if wide else ""
        return Rejected(
            422,
            ErrorCode.BAD_ENCODING,
            f"Line {self.number} is not UTF-8.{looks} Save the file as UTF-8 and send it again.",
        )
