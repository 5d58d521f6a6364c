"""Check what the decoders do not: cheap looks at the bytes before anything is decoded."""

from collections.abc import Iterator
from zlib import crc32

from infra.errors import ErrorCode, ImageRefused
from tasks.imaging.facts import Limits
from tasks.imaging.refusal import corrupt, truncated
from tasks.imaging.sniff import ImageFormat

_RIFF_HEADER_BYTES = 8
_PNG_SIGNATURE_BYTES = 8
_START_OF_SCAN = b"\xff\xda"


def refuse_unsound(data: bytes, image_format: ImageFormat, limits: Limits) -> None:
    """Raise `ImageRefused` for what would decode wrongly, misleadingly or for ever."""
    match image_format:
        case ImageFormat.WEBP:
            _refuse_short_riff(data)
        case ImageFormat.PNG:
            _refuse_wrong_checksums(data)
        case ImageFormat.JPEG:
            _refuse_endless_scans(data, limits)


def _refuse_short_riff(data: bytes) -> None:
    """A WebP file says its length; its decoder calls a short one damaged, not truncated."""
    if len(data) < int.from_bytes(data[4:8], "little") + _RIFF_HEADER_BYTES:
        raise truncated()


def _refuse_wrong_checksums(data: bytes) -> None:
    """Pillow shows pixels of a PNG whose checksum is wrong; they are wrong as well."""
    for kind, body, checksum in _png_chunks(data):
        is_critical = not kind[0] & 0x20  # a capital letter, by the PNG standard
        if is_critical and crc32(body, crc32(kind)) != checksum:
            raise corrupt()


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, int]]:
    """Yield kind, body and stated checksum of each whole chunk."""
    place = _PNG_SIGNATURE_BYTES
    while (end := place + 12 + int.from_bytes(data[place : place + 4], "big")) <= len(data):
        stated = int.from_bytes(data[end - 4 : end], "big")
        yield data[place + 4 : place + 8], memoryview(data)[place + 8 : end - 4], stated
        place = end


def _refuse_endless_scans(data: bytes, limits: Limits) -> None:
    """Each scan of a progressive JPEG is a pass over all pixels: thousands take minutes.

    Entropy-coded data never contain the marker (0xFF is stuffed there); other segments may, by
    chance, which the limit leaves ample room for.
    """
    if data.count(_START_OF_SCAN) > limits.max_scans:
        raise ImageRefused(
            ErrorCode.CORRUPT, "The JPEG repeats its scans more often than any encoder does."
        )
