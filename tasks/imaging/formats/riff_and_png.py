"""Walk the chunks of PNG and WebP files without decoding anything.

A hostile file may hold millions of empty chunks; the walk refuses it where no real file goes on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

from tasks.imaging.errors import corrupt

# Writers cut pixels into chunks of 8 kB and more, which makes 12,800 of the largest file that is
# accepted (100 MiB); chunks of 2 kB pass as well.
MOST_CHUNKS = 51_200
_PNG_SIGNATURE_BYTES = 8
_RIFF_HEADER_BYTES = 12
_RIFF_LENGTH_BYTES = 8  # of the header, which the stated length does not count
_NO_KIND = bytes(4)
_VP8X_FLAGS_AT, _ALPHA = 20, 0x10


@dataclass(frozen=True, slots=True)
class PngChunk:
    """`whole` is the chunk with its length and checksum; `kind` has four letters."""

    kind: bytes
    body: memoryview
    whole: memoryview

    @property
    def is_critical(self) -> bool:
        """A capital letter first: without such a chunk the image cannot be shown."""
        return not self.kind[0] & 0x20

    @property
    def is_sound(self) -> bool:
        """Whether the checksum is right."""
        return crc32(self.body, crc32(self.kind)) == int.from_bytes(self.whole[-4:], "big")


def png_chunks(data: bytes) -> Iterator[PngChunk]:
    """Yield each whole chunk up to the end mark; what follows the mark is no part of the file."""
    view, place, left = memoryview(data), _PNG_SIGNATURE_BYTES, MOST_CHUNKS
    while (end := place + 12 + int.from_bytes(data[place : place + 4], "big")) <= len(data):
        kind = data[place + 4 : place + 8]
        yield PngChunk(kind, view[place + 8 : end - 4], view[place:end])
        if kind == b"IEND":
            return
        place, left = end, _one_less(left)


def webp_chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield kind and body of each chunk; what follows the stated length is no part of the file.

    Where zeros stand for a chunk, nothing was written: the walk ends.
    """
    view, place, left = memoryview(data), _RIFF_HEADER_BYTES, MOST_CHUNKS
    end = min(riff_bytes(data), len(data))
    while place + 8 <= end and (kind := data[place : place + 4]) != _NO_KIND:
        length = int.from_bytes(data[place + 4 : place + 8], "little")
        yield kind, view[place + 8 : place + 8 + length]
        place, left = place + 8 + length + length % 2, _one_less(left)


def as_webp(chunks: bytes) -> bytes:
    """Return a WebP of these chunks."""
    return b"RIFF" + (len(chunks) + 4).to_bytes(4, "little") + b"WEBP" + chunks


def riff_bytes(data: bytes) -> int:
    """Return the length that a WebP states."""
    return int.from_bytes(data[4:8], "little") + _RIFF_LENGTH_BYTES


def webp_size(data: bytes) -> tuple[int, int]:
    """Return the largest size that a WebP declares, (0, 0) when it declares none."""
    sizes = [_webp_chunk_size(kind, body) for kind, body in webp_chunks(data)]
    return max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))


def _webp_chunk_size(kind: bytes, body: memoryview) -> tuple[int, int]:
    if kind == b"VP8X":
        return _little(body, 4, 3) + 1, _little(body, 7, 3) + 1
    if kind == b"VP8 ":
        return _little(body, 6, 2) & 0x3FFF, _little(body, 8, 2) & 0x3FFF
    if kind == b"VP8L":
        bits = _little(body, 1, 4)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return 0, 0


def _little(body: memoryview, place: int, size: int) -> int:
    return int.from_bytes(body[place : place + size], "little")


def _one_less(left: int) -> int:
    if not left:
        raise corrupt()
    return left - 1


def with_alpha_flag(data: bytes) -> bytes:
    """Return an animated WebP that admits transparency.

    Frames of opaque pixels still leave holes where they are smaller than the image. Encoders do
    not flag that, and Pillow would show the holes in black.
    """
    if data[12:16] != b"VP8X":
        return data
    return (
        data[:_VP8X_FLAGS_AT] + bytes([data[_VP8X_FLAGS_AT] | _ALPHA]) + data[_VP8X_FLAGS_AT + 1 :]
    )
