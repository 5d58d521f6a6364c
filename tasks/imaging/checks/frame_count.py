"""Count the frames of an animation and how long it runs, without decoding it.

A hostile file may hold a hundred thousand frames; the counting stops beyond the limit. It must
not know Pillow, which counts the frames of a GIF by looking at all of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from tasks.imaging.errors import corrupt
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.formats.isobmff import sequence_length
from tasks.imaging.formats.riff_and_png import png_chunks, webp_chunks

_GIF_EXTENSION, _GIF_IMAGE, _GIF_END = 0x21, 0x2C, 0x3B
_GIF_CONTROL = 0xF9
# Stray bytes and extensions, each of which costs the decoder as much as it costs here. Writers
# leave a few; where this many follow the last frame, the end mark is missing as well.
_MOST_GIF_OTHERS = 65_536
_BROWSERS_SECONDS = 0.1  # how long browsers show a frame that states less than the next line
_SHORTEST_SECONDS = 0.011
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Length:
    """How many frames there are, and how many seconds one round is shown."""

    frames: int = 1
    seconds: float = 0.0


def measure(data: bytes, image_format: ImageFormat, max_frames: int) -> Length:
    """Return the length of an animation, of one frame for a still image.

    Counts to one more than `max_frames`. A damaged file is counted as far as it makes sense; one
    that hides its frames in a flood of something else raises `ImageRefused` (corrupt).
    """
    match image_format:
        case ImageFormat.GIF:
            delays = _gif_delays(data)
        case ImageFormat.WEBP:
            delays = _webp_delays(data)
        case ImageFormat.PNG:
            delays = _png_delays(data)
        case ImageFormat.AVIF:
            return Length(*sequence_length(data))
        case _:
            return Length()
    counted = list(islice(delays, max_frames + 1))
    if len(counted) <= 1:
        return Length()
    return Length(len(counted), sum(shown_seconds(stated) for stated in counted))


def shown_seconds(stated: float) -> float:
    """Return how long browsers show a frame; one in a hurry is made to last."""
    return stated if stated >= _SHORTEST_SECONDS - _ROUNDING else _BROWSERS_SECONDS


def _gif_delays(data: bytes) -> Iterator[float]:
    """Yield the seconds of each frame."""
    place = 13 + _gif_table_bytes(data, 10)
    delay, others = 0.0, 0
    while place < len(data) and data[place] != _GIF_END:
        if data[place] == _GIF_IMAGE:
            yield delay
            delay = 0.0
            place = _after_gif_blocks(data, place + 11 + _gif_table_bytes(data, place + 9))
            continue
        others += 1
        if others > _MOST_GIF_OTHERS:
            raise corrupt()
        if data[place] == _GIF_EXTENSION:
            if data[place + 1 : place + 2] == bytes([_GIF_CONTROL]):
                delay = int.from_bytes(data[place + 4 : place + 6], "little") / 100
            place = _after_gif_blocks(data, place + 2)
        else:
            place += 1  # decoders skip stray bytes, too


def _gif_table_bytes(data: bytes, flags_at: int) -> int:
    """Return the size of the colour table that the flags announce."""
    flags = data[flags_at] if flags_at < len(data) else 0
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_gif_blocks(data: bytes, place: int) -> int:
    while place < len(data) and data[place]:
        place += data[place] + 1
    return place + 1


def _webp_delays(data: bytes) -> Iterator[float]:
    for kind, body in webp_chunks(data):
        if kind == b"ANMF":
            yield int.from_bytes(body[12:15], "little") / 1000


def _png_delays(data: bytes) -> Iterator[float]:
    """Yield the seconds of each frame; without its control chunk a PNG is still."""
    animated = False
    for chunk in png_chunks(data):
        animated = animated or chunk.kind == b"acTL"
        if chunk.kind == b"fcTL" and animated:
            share = int.from_bytes(chunk.body[22:24], "big") or 100  # so says the standard
            yield int.from_bytes(chunk.body[20:22], "big") / share
