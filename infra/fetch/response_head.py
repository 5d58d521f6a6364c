"""Reads the head of an HTTP answer within a limit, and never more of it than was asked for.

A head is taken as curl and browsers take it: blanks around names and values are left out, a line
that is no header is left out alone, and only the size limits the number of headers.

The standard parser limits a line and the number of lines of one head, but not the interim answers
before it, and a chunk of the length -1 makes it read without end. It is bounded here at the one
place that all its reads go through.
"""

import http.client
import io
import re
import socket
from enum import Enum, auto
from http import HTTPStatus

from infra.contract.errors import ErrorCode, FetchRefused

MAX_HEAD_BYTES = 64 * 1024  # status lines and headers, of interim answers too
_MAX_FRAMING_BYTES = 1024 * 1024  # the lines between the chunks of one body, and its trailers

_BUFFER_BYTES = 64 * 1024
_ENDS_OF_HEAD = (b"\r\n", b"\n", b"")
_BLANKS = (b" ", b"\t")
_HEADER = re.compile(rb"[ \t]*(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:")


class _Part(Enum):
    """What the next line belongs to."""

    STATUS = auto()
    HEADERS = auto()
    END_OF_HEAD = auto()
    BODY = auto()


class BoundedReader(io.BufferedReader):
    """A connection's bytes, with an allowance for those that arrive as lines.

    All headers of a head are given as one "line": the standard parser counts lines, and ends a head
    at the first one that it does not understand, so that framing and codings behind it are lost.
    """

    def __init__(self, raw: io.RawIOBase) -> None:
        super().__init__(raw, _BUFFER_BYTES)
        self._allowance_bytes = MAX_HEAD_BYTES
        self._part = _Part.STATUS
        self._end_of_head = b""

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read a line; raise `FetchRefused` when all lines together are too long."""
        match self._part:
            case _Part.BODY:
                return self._line(size)
            case _Part.STATUS:
                self._part = _Part.HEADERS
                return self._line(size)
            case _Part.HEADERS:
                self._part = _Part.END_OF_HEAD
                return self._headers() or self.readline(size)
            case _Part.END_OF_HEAD:
                self._part = _Part.STATUS  # another head follows an interim answer
                return self._end_of_head

    def _headers(self) -> bytes:
        """Read to the end of the head; return the lines that are headers."""
        lines: list[bytes] = []
        while (line := self._line(-1)) not in _ENDS_OF_HEAD:
            if line[:1] in _BLANKS and lines:
                lines[-1] += b" " + line.strip()  # the value goes on
            elif match := _HEADER.match(line):
                lines.append(match["name"] + b": " + line[match.end() :].strip())
        self._end_of_head = line
        return b"".join(line + b"\n" for line in lines)

    def _line(self, size: int | None) -> bytes:
        limit = self._allowance_bytes + 1
        line = super().readline(limit if size is None or size < 0 else min(size, limit))
        self._allowance_bytes -= len(line)
        if self._allowance_bytes < 0:
            detail = "The answer's header is too large."
            raise FetchRefused(ErrorCode.PROTOCOL_ERROR, detail)
        return line

    def read(self, size: int | None = -1, /) -> bytes:
        """Read at most that many bytes; raise `FetchRefused` when the number is none."""
        if size is None or size < 0:
            raise _impossible_length()
        return super().read(size)

    def read1(self, size: int = -1, /) -> bytes:
        """Read what is there, as `read` does otherwise."""
        if size < 0:
            raise _impossible_length()
        return super().read1(size)

    def start_body(self) -> None:
        """Renew the allowance: from now on, lines are the framing of chunks."""
        self._part = _Part.BODY
        self._allowance_bytes = _MAX_FRAMING_BYTES


class BoundedAnswer(http.client.HTTPResponse):
    """An answer whose head is bounded, whatever comes before the final one."""

    def __init__(self, sock: socket.socket, method: str | None = None) -> None:
        super().__init__(sock, method=method)
        self._reader = BoundedReader(self.fp.detach())
        self.fp = self._reader

    def begin(self) -> None:
        """Read the final answer's head; skip every interim one, early hints included."""
        super().begin()
        while HTTPStatus.CONTINUE <= self.status < HTTPStatus.OK:
            self.headers = self.msg = None  # type: ignore[assignment]  # makes it read again
            super().begin()
        self._reader.start_body()
        codings = str(self.headers.get("Transfer-Encoding", "")).lower().split(",")
        if codings[-1].strip() == "chunked" and not self.chunked:
            self.chunked, self.chunk_left, self.length = True, None, None


def _impossible_length() -> FetchRefused:
    return FetchRefused(ErrorCode.PROTOCOL_ERROR, "The answer names an impossible length.")
