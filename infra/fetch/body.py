"""Keeps the body of an answer as a file, within limits that hold while it arrives.

Bytes are counted as sent and again as decoded: a server may compress although it was asked not
to. It must not know connections or statuses; errors of the local disk pass through as they are.
"""

import hashlib
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from infra.contract.errors import ErrorCode, FetchFailed, FetchRefused

_STEP_BYTES = 64 * 1024
_GRACE_SECONDS = 5.0  # in which a body may be as slow as it likes
_ANY_WRAPPER = zlib.MAX_WBITS | 32  # zlib finds out whether it is gzip or zlib
_GZIP = b"\x1f\x8b"
_DEFLATED = frozenset({"gzip", "x-gzip", "deflate", "x-deflate"})
_NOT_DECODED = frozenset({"br", "zstd", "compress", "x-compress", "dcb", "dcz"})
_MAX_CODINGS = 3  # one over the other
_HEAD_BYTES = 512

_PICTURES = (
    b"\xff\xd8\xff",  # JPEG
    b"\x89PNG",
    b"GIF8",
    b"RIFF",  # WebP
    b"II*\x00",  # TIFF
    b"MM\x00*",
    b"BM",
)
_DOCUMENTS = (
    b"<!doctype html",
    b"<html",
    b"<head",
    b"<body",
    b"<script",
    b"<!--",
    b"{",
    b"[",
    b"%pdf-",
)
_XML = b"<?xml"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Saved:
    """A file that was written: its size and its SHA-256 in hexadecimal."""

    bytes: int
    sha256: str


class Pace:
    """Watches how fast a body arrives, from when it is made."""

    def __init__(self, min_bytes_per_second: int, clock: Callable[[], float] = time.monotonic):
        self._least = min_bytes_per_second
        self._clock = clock
        self._started = clock()
        self._arrived = 0

    def note(self, size_bytes: int) -> None:
        """Count a part that arrived, 0 for the end; raise `FetchFailed` when it was too slow."""
        self._arrived += size_bytes
        seconds = self._clock() - self._started - _GRACE_SECONDS
        if size_bytes and seconds > 0 and self._arrived < seconds * self._least:
            detail = f"The image arrives slower than {self._least} bytes per second."
            raise FetchFailed(ErrorCode.TOO_SLOW, detail)


def is_picture(head: bytes) -> bool:
    """Whether a body that starts like this is certainly an image."""
    return head.startswith(_PICTURES)


def is_document(head: bytes) -> bool:
    """Whether a body that starts like this is HTML, JSON, PDF, XML without an image, or blank.

    In doubt it is none: the pixel step knows what it can decode. The media type is not asked,
    because servers name it wrongly in both directions.
    """
    if is_picture(head):
        return False
    text = head[:_HEAD_BYTES].removeprefix(_BYTE_ORDER_MARK).lstrip().lower()
    if text.startswith(_XML):
        return b"<svg" not in text
    return not text or text.startswith(_DOCUMENTS)


def save(chunks: Iterable[bytes], target: Path) -> Saved:
    """Write the decoded chunks to the target; raise `FetchRefused` at the first that is wrong."""
    digest = hashlib.sha256()
    written = 0
    with target.open("wb") as file:
        for chunk in chunks:
            if written == 0 and is_document(chunk):
                detail = "The server answered with a page or a document, not with an image."
                raise FetchRefused(ErrorCode.NOT_AN_IMAGE, detail)
            written += len(chunk)
            digest.update(chunk)
            file.write(chunk)
    if written == 0:
        detail = "The server answered with an empty file: 0 bytes."
        raise FetchRefused(ErrorCode.NOT_AN_IMAGE, detail)
    return Saved(written, digest.hexdigest())


def sent(read: Callable[[int], bytes], *, max_bytes: int) -> Iterator[bytes]:
    """Yield what a reader gives until it gives nothing, in large steps, within the limit."""

    def filled() -> bytes:  # small parts joined: the beginning of a body must tell what it is
        parts, missing = [], _STEP_BYTES
        while missing > 0 and (part := read(missing)):
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    return limited(iter(filled, b""), max_bytes=max_bytes)


def decoded(chunks: Iterable[bytes], encoding: str, *, max_bytes: int) -> Iterator[bytes]:
    """Yield the chunks without their content codings, within the limit after each.

    An unknown coding (`none`, `aws-chunked`, `binary` …) says nothing about the bytes.
    """
    codings = [coding.strip() for coding in encoding.lower().split(",")]
    coded = [coding for coding in codings if coding in _DEFLATED | _NOT_DECODED]
    if len(coded) > _MAX_CODINGS:
        raise _not_asked_for()
    bare = iter(chunks)
    for coding in reversed(coded):
        bare = _bare(bare, coding, max_bytes=max_bytes)
    return bare


def _bare(chunks: Iterator[bytes], coding: str, *, max_bytes: int) -> Iterator[bytes]:
    """Yield the chunks without one coding; what is an image already was labelled wrongly."""
    head = next(chunks, b"")
    joined = chain((head,), chunks)
    if is_picture(head) or not head:
        yield from joined
    elif coding in _NOT_DECODED:
        raise _not_asked_for()
    else:
        # `deflate` is sent with zlib's header and without it.
        has_header = head[0] & 0x0F == zlib.DEFLATED and int.from_bytes(head[:2], "big") % 31 == 0
        wrapper = _ANY_WRAPPER if has_header or head.startswith(_GZIP) else -zlib.MAX_WBITS
        yield from limited(_inflated(joined, wrapper), max_bytes=max_bytes)


def _not_asked_for() -> FetchRefused:
    detail = "The server compressed the image in a way that was not asked for."
    return FetchRefused(ErrorCode.PROTOCOL_ERROR, detail)


def limited(chunks: Iterable[bytes], *, max_bytes: int) -> Iterator[bytes]:
    """Yield the chunks; raise `FetchRefused` instead of the first one beyond the limit."""
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > max_bytes:
            raise too_many_bytes(max_bytes)
        yield chunk


def too_many_bytes(max_bytes: int) -> FetchRefused:
    """Return the error of a body beyond the limit."""
    return FetchRefused(ErrorCode.TOO_MANY_BYTES, f"The file is larger than {max_bytes} bytes.")


def _inflated(chunks: Iterable[bytes], wrapper: int) -> Iterator[bytes]:
    inflater = zlib.decompressobj(wrapper)
    try:
        for chunk in chunks:
            pending = chunk
            while pending:
                if step := inflater.decompress(pending, _STEP_BYTES):
                    yield step
                pending = inflater.unconsumed_tail
                if inflater.eof and inflater.unused_data.startswith(_GZIP):  # another member
                    pending, inflater = inflater.unused_data, zlib.decompressobj(wrapper)
                elif inflater.eof:
                    break  # what follows is no part of it
    except zlib.error as exc:
        detail = "The server sent a compressed body that cannot be decoded."
        raise FetchFailed(ErrorCode.PROTOCOL_ERROR, detail) from exc
    if not inflater.eof:
        raise FetchFailed(ErrorCode.INCOMPLETE_BODY, "The compressed body ends too early.")
