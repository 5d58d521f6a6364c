"""How often an AVIF animation is played, and how that is written: Pillow knows neither.

It must not know images, only boxes; those of strangers are untrusted, a damaged one is as good
as none.
"""

from collections.abc import Iterator

from tasks.imaging.formats.isobmff import boxes, find

_FOR_EVER = 0
_ENDLESS = (0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF)  # a duration with all bits set, short or long
_REPEATING = 1
_MOST_PLAYS = 65_535


def sequence_plays(data: bytes) -> int:
    """Return how often the first track is shown, 0 for without end, as where nothing is said."""
    track = find(memoryview(data), b"moov", b"trak")
    edits = find(track, b"edts", b"elst")
    if not edits:
        return _FOR_EVER
    if not edits[3] & _REPEATING:
        return 1
    round_length = _number(edits, 8, 8 if edits[0] == 1 else 4)
    head = find(track, b"tkhd")
    total = _number(head, 28, 8) if bytes(head[:1]) == b"\x01" else _number(head, 20, 4)
    if total in _ENDLESS or not round_length:
        return _FOR_EVER
    return min(max(1, -(-total // round_length)), _MOST_PLAYS)


def settle_sequence(data: bytes, plays: int) -> bytes:
    """Return an animation of our own encoder that plays so often, 0 for without end.

    It also says no more when it was written, so that equal images give equal bytes.
    """
    written = bytearray(data)
    movie = find(memoryview(written), b"moov")
    for kind, head, at in _heads(movie):
        head[4:20] = bytes(16)  # when it was made, and changed: 8 bytes each
        if plays != _FOR_EVER and kind != b"mdhd":
            head[at : at + 8] = (_round_length(movie) * plays).to_bytes(8, "big")
    return bytes(written)


def _heads(movie: memoryview) -> Iterator[tuple[bytes, memoryview, int]]:
    """Yield kind and content of each head, all of the long form, and where its duration is."""
    yield b"mvhd", find(movie, b"mvhd"), 24
    for kind, track in boxes(movie):
        if kind == b"trak":
            yield b"tkhd", find(track, b"tkhd"), 28
            yield b"mdhd", find(track, b"mdia", b"mdhd"), 24


def _round_length(movie: memoryview) -> int:
    return _number(find(movie, b"trak", b"edts", b"elst"), 8, 8)


def _number(content: memoryview, place: int, size: int) -> int:
    return int.from_bytes(content[place : place + size], "big")
