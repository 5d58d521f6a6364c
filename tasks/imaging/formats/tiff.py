"""Look into the first directory of a TIFF for what its decoder leaves unsaid.

It shows an image of which strips or tiles are missing, and the small preview that leads a
camera's raw file. Everything read is untrusted: a damaged directory is the decoder's to refuse.
It must not know Pillow.
"""

from infra.contract.errors import ErrorCode, ImageRefused
from tasks.imaging.errors import truncated
from tasks.imaging.formats.tiff_directory import Directory, first_directory

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
_REDUCED = 1  # a bit: this directory holds a smaller copy of another one's image
_SENSOR = frozenset({32803, 34892})  # colour filter array, linear raw
_DNG_VERSION_PARTS = 4
_OLD_JPEG = 6  # its strips may all be one stream
_SEPARATE_PLANES = 2
_CANON_AT, _CANON = 8, b"CR"

_RAW = (
    "The file is a camera's raw file, which shows no more than a small preview; "
    "export an image from it, for example as JPEG."
)


def refuse_raw(data: bytes) -> None:
    """Raise `ImageRefused` (unsupported_format) for the raw file of a camera (DNG, CR2, NEF, …).

    Their first directory is a preview; so is a first page that says so in other files.
    """
    directory = first_directory(data, _READ)
    version = directory.tags.get(_DNG_VERSION)
    is_raw = (
        (version is not None and version.count == _DNG_VERSION_PARTS)
        or data[_CANON_AT : _CANON_AT + 2] == _CANON
        or directory.first(_NEW_SUBFILE_TYPE, 0) & _REDUCED
        or directory.first(_PHOTOMETRIC, 0) in _SENSOR
    )
    if is_raw:
        raise ImageRefused(ErrorCode.UNSUPPORTED_FORMAT, _RAW)


def refuse_missing_strips(data: bytes) -> None:
    """Raise `ImageRefused` (truncated) when there are fewer strips or tiles than pixels need."""
    directory = first_directory(data, _READ)
    offsets = directory.tags.get(_STRIP_OFFSETS) or directory.tags.get(_TILE_OFFSETS)
    if offsets is None or directory.first(_COMPRESSION, 1) == _OLD_JPEG:
        return
    needed = _parts_of_a_plane(directory)
    if directory.first(_PLANAR, 1) == _SEPARATE_PLANES:
        needed *= directory.first(_SAMPLES, 1)
    if offsets.count < needed:
        raise truncated()


def _parts_of_a_plane(directory: Directory) -> int:
    width, height = directory.first(_WIDTH, 0), directory.first(_HEIGHT, 0)
    across, down = directory.first(_TILE_WIDTH, 0), directory.first(_TILE_LENGTH, 0)
    if across and down:
        return -(-width // across) * -(-height // down)
    rows = directory.first(_ROWS_PER_STRIP, 0) or height  # all of them, where nothing is said
    return -(-height // rows) if rows else 0
