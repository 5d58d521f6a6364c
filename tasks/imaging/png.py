"""What a PNG file says beside its pixels: keep what shapes them, leave out the rest.

Text chunks may unpack to gigabytes, and damaged ones cost Pillow the whole picture; none of them
changes a pixel. It must not know Pillow.
"""

import zlib

from tasks.imaging.chunks import PngChunk, png_chunks

_SIGNATURE_BYTES = 8
_DEPTH_AT = 24  # in the file: the header chunk always comes first
# Beside the critical chunks, which are kept in any case; with the lengths that are right.
_SHAPING: dict[bytes, range] = {
    b"tRNS": range(1, 257),
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
# The most that Pillow accepts, too; profiles of pictures on screens have a few thousand bytes.
_MAX_PROFILE_BYTES = 1024**2
_COLOUR_TYPE_AT = 25
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # colour type to samples per pixel
_XMP_KEYWORD = b"XML:com.adobe.xmp\0"


def without_notes(data: bytes) -> bytes:
    """Return the file without comments, private chunks and damaged extras."""
    kept: list[bytes | memoryview] = [data[:_SIGNATURE_BYTES]]
    end, is_closed = _SIGNATURE_BYTES, False
    for chunk in png_chunks(data):
        end += len(chunk.whole)
        is_closed = chunk.kind == b"IEND"
        if _is_wanted(chunk):
            kept.append(chunk.whole)
    if not is_closed:
        kept.append(data[end:])  # a chunk that the file cuts short, for the decoder to see
    return data if sum(map(len, kept)) == len(data) else b"".join(kept)


def bit_depth(data: bytes) -> int:
    """Return the bits per sample as they are stored."""
    return data[_DEPTH_AT]


def bits_per_pixel(data: bytes) -> int:
    """Return how many bits a pixel has before it is packed."""
    return bit_depth(data) * _SAMPLES.get(data[_COLOUR_TYPE_AT], 1)


def code_points(data: bytes) -> tuple[int, int] | None:
    """Return primaries and transfer as H.273 numbers them, where the file has a cICP chunk."""
    body = _first_wanted(data, b"cICP")
    return (body[0], body[1]) if body else None


def exif_block(data: bytes) -> bytes | None:
    """Return the EXIF data, wherever the file has them."""
    return _first_wanted(data, b"eXIf")


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


def _first_wanted(data: bytes, kind: bytes) -> bytes | None:
    for chunk in png_chunks(data):
        if chunk.kind == kind and _is_wanted(chunk):
            return bytes(chunk.body)
    return None


def _unpacked(packed: bytes) -> bytes | None:
    unpacking = zlib.decompressobj()
    try:
        unpacked = unpacking.decompress(packed, _MAX_PROFILE_BYTES)
    except zlib.error:
        return None
    return None if unpacking.unconsumed_tail else unpacked


def _is_wanted(chunk: PngChunk) -> bool:
    if chunk.is_critical:
        return True
    if len(chunk.body) not in _SHAPING.get(chunk.kind, ()) or not chunk.is_sound:
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
