"""Look into the first directory of a TIFF for what its decoder leaves unsaid.

It shows a picture of which strips or tiles are missing, and the small preview that leads a
camera's raw file. Everything read is untrusted: a damaged directory is the decoder's to refuse.
It must not know Pillow.
"""

from dataclasses import dataclass

from infra.errors import ErrorCode, ImageRefused
from tasks.imaging.refusal import truncated

_NUMBER_BYTES = {3: 2, 4: 4, 16: 8}  # by the number of their type: short, long, long of 64 bits
_MOST_ENTRIES = 65_535  # what a classic TIFF can say

_NEW_SUBFILE_TYPE, _WIDTH, _HEIGHT, _COMPRESSION, _PHOTOMETRIC = 254, 256, 257, 259, 262
_STRIP_OFFSETS, _SAMPLES, _ROWS_PER_STRIP, _PLANAR = 273, 277, 278, 284
_TILE_WIDTH, _TILE_LENGTH, _TILE_OFFSETS, _DNG_VERSION = 322, 323, 324, 50706
_READ = frozenset(
    {
        *(_NEW_SUBFILE_TYPE, _WIDTH, _HEIGHT, _COMPRESSION, _PHOTOMETRIC),
        *(_STRIP_OFFSETS, _SAMPLES, _ROWS_PER_STRIP, _PLANAR),
        *(_TILE_WIDTH, _TILE_LENGTH, _TILE_OFFSETS, _DNG_VERSION),
    }
)
_REDUCED = 1  # a bit: this directory holds a smaller copy of another one's picture
_SENSOR = frozenset({32803, 34892})  # colour filter array, linear raw
_DNG_VERSION_PARTS = 4
_OLD_JPEG = 6  # its strips may all be one stream
_SEPARATE_PLANES = 2
_CANON_AT, _CANON = 8, b"CR"

_RAW = (
    "The file is a camera's raw file, which shows no more than a small preview; "
    "export a picture from it, for example as JPEG."
)


@dataclass(frozen=True, slots=True)
class _Entry:
    """How many values a tag has, and the first of them, where the directory holds it."""

    count: int
    first: int


_Directory = dict[int, _Entry]


def refuse_raw(data: bytes) -> None:
    """Raise `ImageRefused` (unsupported_format) for the raw file of a camera (DNG, CR2, NEF, …).

    Their first directory is a preview; so is a first page that says so in other files.
    """
    tags = _first_directory(data)
    is_raw = (
        (_DNG_VERSION in tags and tags[_DNG_VERSION].count == _DNG_VERSION_PARTS)
        or data[_CANON_AT : _CANON_AT + 2] == _CANON
        or _first(tags, _NEW_SUBFILE_TYPE, 0) & _REDUCED
        or _first(tags, _PHOTOMETRIC, 0) in _SENSOR
    )
    if is_raw:
        raise ImageRefused(ErrorCode.UNSUPPORTED_FORMAT, _RAW)


def refuse_missing_strips(data: bytes) -> None:
    """Raise `ImageRefused` (truncated) when there are fewer strips or tiles than pixels need."""
    tags = _first_directory(data)
    offsets = tags.get(_STRIP_OFFSETS) or tags.get(_TILE_OFFSETS)
    if offsets is None or _first(tags, _COMPRESSION, 1) == _OLD_JPEG:
        return
    needed = _parts_of_a_plane(tags)
    if _first(tags, _PLANAR, 1) == _SEPARATE_PLANES:
        needed *= _first(tags, _SAMPLES, 1)
    if offsets.count < needed:
        raise truncated()


def _parts_of_a_plane(tags: _Directory) -> int:
    width, height = _first(tags, _WIDTH, 0), _first(tags, _HEIGHT, 0)
    across, down = _first(tags, _TILE_WIDTH, 0), _first(tags, _TILE_LENGTH, 0)
    if across and down:
        return -(-width // across) * -(-height // down)
    rows = _first(tags, _ROWS_PER_STRIP, 0) or height  # all of them, where nothing is said
    return -(-height // rows) if rows else 0


def _first(tags: _Directory, tag: int, default: int) -> int:
    return tags[tag].first if tag in tags else default


def _first_directory(data: bytes) -> _Directory:
    """Return the tags of the first directory; of values that lie elsewhere, only the count."""
    little, is_big = data[:2] == b"II", 43 in (data[2], data[3])
    count_bytes, entry_bytes, field_bytes = (8, 20, 8) if is_big else (2, 12, 4)
    place = _number(data[8:16] if is_big else data[4:8], little=little)
    start = place + count_bytes
    count = min(_number(data[place:start], little=little), _MOST_ENTRIES)
    tags: _Directory = {}
    for at in range(start, min(start + count * entry_bytes, len(data)), entry_bytes):
        tag = _number(data[at : at + 2], little=little)
        if tag in _READ:
            value_bytes = _NUMBER_BYTES.get(_number(data[at + 2 : at + 4], little=little), 1)
            field = at + 4 + field_bytes
            values = _number(data[at + 4 : field], little=little)
            tags[tag] = _Entry(values, _number(data[field : field + value_bytes], little=little))
    return tags


def _number(digits: bytes, *, little: bool) -> int:
    return int.from_bytes(digits, "little" if little else "big")
