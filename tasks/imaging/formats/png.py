"""What a PNG file says beside its pixels: keep what shapes them, leave out the rest.

Text chunks may unpack to gigabytes, and damaged ones cost Pillow the whole image; none of them
changes a pixel. It must not know Pillow.
"""

import zlib
from collections.abc import Sequence

from infra.contract.errors import ErrorCode, ImageRefused
from tasks.imaging.errors import corrupt
from tasks.imaging.formats.riff_and_png import PngChunk, png_chunks

_SIGNATURE_BYTES = 8
_DEPTH_AT = 24  # in the file: the header chunk always comes first
# Beside the critical chunks, which are kept in any case; with the lengths that are right.
_SHAPING: dict[bytes, range] = {
    b"gAMA": range(4, 5),
    b"cHRM": range(32, 33),
    b"sRGB": range(1, 2),
    b"cICP": range(4, 5),
    b"iCCP": range(3, 64 * 1024**2),
    b"eXIf": range(4, 64 * 1024**2),
    b"acTL": range(8, 9),
    b"fcTL": range(26, 27),
    b"fdAT": range(4, 2**31),
}
# The most that Pillow accepts, too; profiles of images on screens have a few thousand bytes.
_MAX_PROFILE_BYTES = 1024**2
_COLOUR_TYPE_AT = 25
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # colour type to samples per pixel
_HEADER, _PALETTE, _PIXELS, _END, _KEY = b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS"
_CRITICAL = frozenset({_HEADER, _PALETTE, _PIXELS, _END})
_APPLE = "CgBI"  # raw deflate, and blue first
_HEADER_BYTES = 13
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_ORDERS = (0, 1)  # from top to bottom, or interlaced
# Behind the palette or the pixels they come too late, and libpng overlooks them.
_COLOUR_NOTES = frozenset({b"gAMA", b"cHRM", b"sRGB", b"cICP", b"iCCP"})
_INDEXED = 3
_KEY_BYTES = {0: range(2, 3), 2: range(6, 7), _INDEXED: range(1, 257)}  # by colour type
_XMP_KEYWORD = b"XML:com.adobe.xmp\0"


def shaping_chunks(data: bytes) -> tuple[PngChunk, ...]:
    """Return the chunks that say something about the image: no comments, no damaged extras.

    Of a chunk that the file cuts short, what is there comes last, without a kind.
    """
    kept: list[PngChunk] = []
    colour_type, end = _colour_type(data), _SIGNATURE_BYTES
    before: dict[bytes, int] = {}  # lengths of what decides about the places of others
    for chunk in png_chunks(data):
        end += len(chunk.whole)
        if not _is_misplaced(chunk, before, colour_type) and _is_wanted(chunk, colour_type):
            kept.append(chunk)
        if chunk.kind in (_PALETTE, _PIXELS):
            before[chunk.kind] = len(chunk.body)
    if not (kept and kept[-1].kind == _END):
        rest = memoryview(data)[end:]
        kept.append(PngChunk(b"", rest, rest))  # for the decoder to see
    return tuple(kept)


def of_chunks(data: bytes, chunks: Sequence[PngChunk]) -> bytes:
    """Return the file with these of its chunks alone."""
    kept = [memoryview(data)[:_SIGNATURE_BYTES], *(chunk.whole for chunk in chunks)]
    return data if sum(map(len, kept)) == len(data) else b"".join(kept)


def refuse_unreadable(data: bytes) -> None:
    """Raise `ImageRefused` for what no decoder of today can show, and for wrong checksums.

    Pillow shows pixels whose checksum is wrong; they are wrong as well. An end mark holds nothing
    that could be.
    """
    for chunk in png_chunks(data):
        if not chunk.is_critical or chunk.kind == _END:
            continue
        if not chunk.is_sound:
            raise corrupt()
        if chunk.kind not in _CRITICAL:
            name = chunk.kind.decode("ascii", "backslashreplace")
            raise _unsupported("is one of Apple's own" if name == _APPLE else f"needs {name}")
        if chunk.kind == _HEADER:
            _refuse_unread_header(bytes(chunk.body))


def _refuse_unread_header(body: bytes) -> None:
    if len(body) != _HEADER_BYTES:
        raise corrupt()
    depth, colour_type, packing, filtering, order = body[8:]
    if depth not in _DEPTHS.get(colour_type, ()):
        raise _unsupported(f"stores {depth} bits with colour type {colour_type}")
    if packing or filtering or order not in _ORDERS:
        raise _unsupported(f"packs its rows by the methods {packing}, {filtering} and {order}")


def bit_depth(data: bytes) -> int:
    """Return the bits per sample as they are stored."""
    return data[_DEPTH_AT]


def bits_per_pixel(data: bytes) -> int:
    """Return how many bits a pixel has before it is packed."""
    return bit_depth(data) * _SAMPLES.get(_colour_type(data), 1)


def first_body(chunks: Sequence[PngChunk], kind: bytes) -> bytes | None:
    """Return what the first chunk of a kind holds."""
    return next((bytes(chunk.body) for chunk in chunks if chunk.kind == kind), None)


def xmp_packet(data: bytes) -> bytes | None:
    """Return the XMP packet, None where there is none or it is damaged or endless."""
    for chunk in png_chunks(data):
        if chunk.kind != b"iTXt" or not chunk.body[:20].tobytes().startswith(_XMP_KEYWORD):
            continue
        is_packed = chunk.body[len(_XMP_KEYWORD)] if len(chunk.body) > len(_XMP_KEYWORD) else 0
        rest = bytes(chunk.body[len(_XMP_KEYWORD) + 2 :]).split(b"\0", 2)
        if len(rest) < 3 or not chunk.is_sound:
            return None
        return _unpacked(rest[2]) if is_packed else rest[2]
    return None


def _colour_type(data: bytes) -> int:
    return int.from_bytes(data[_COLOUR_TYPE_AT : _COLOUR_TYPE_AT + 1], "big")


def _unpacked(packed: bytes) -> bytes | None:
    unpacking = zlib.decompressobj()
    try:
        unpacked = unpacking.decompress(packed, _MAX_PROFILE_BYTES)
    except zlib.error:
        return None
    return None if unpacking.unconsumed_tail else unpacked


def _is_misplaced(chunk: PngChunk, before: dict[bytes, int], colour_type: int) -> bool:
    if chunk.kind in _COLOUR_NOTES:
        return bool(before)
    if chunk.kind != _KEY:
        return False
    colours = before.get(_PALETTE, 0) // 3
    return _PIXELS in before or (colour_type == _INDEXED and len(chunk.body) > colours)


def _is_wanted(chunk: PngChunk, colour_type: int) -> bool:
    if chunk.is_critical:
        return True
    shaping = _KEY_BYTES.get(colour_type) if chunk.kind == _KEY else _SHAPING.get(chunk.kind)
    if len(chunk.body) not in (shaping or ()) or not chunk.is_sound:
        return False
    return chunk.kind != b"iCCP" or _is_acceptable_profile(bytes(chunk.body))


def _is_acceptable_profile(body: bytes) -> bool:
    """Unpack it, up to the most that is accepted."""
    _, _, packed = body.partition(b"\0")
    unpacking = zlib.decompressobj()
    try:
        unpacking.decompress(packed[1:], _MAX_PROFILE_BYTES)
    except zlib.error:
        return False
    return packed[:1] == b"\0" and not unpacking.unconsumed_tail


def _unsupported(what: str) -> ImageRefused:
    return ImageRefused(
        ErrorCode.UNSUPPORTED_FORMAT, f"The PNG {what}, which is not read here: save it again."
    )
