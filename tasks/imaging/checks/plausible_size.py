"""Refuse an image whose bytes cannot possibly hold the pixels that its header declares.

A few hundred bytes may declare 49 megapixels, and the decoder then fills in grey. The bounds
follow from how the formats store pixels, so no file of a real encoder is ever below them. WebP,
AVIF and HEIC have no such bound: a plain colour of any size takes some dozen bytes there. GIF and
BMP need none: their decoders say when pixels are missing. Those of TIFF and WebP do not always, so
their parts are looked at here as well, once the size was judged.
"""

from tasks.imaging.checks.truncation import refuse_stopped_webp
from tasks.imaging.errors import implausible
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.formats.jpeg import frame_marker
from tasks.imaging.formats.png import bits_per_pixel
from tasks.imaging.formats.tiff import refuse_missing_strips

# A block of 8 by 8 pixels takes at least one bit of Huffman code. A quarter of that is asked for:
# no component need be stored at the full width and the full height.
_JPEG_PIXELS_PER_BYTE = 8 * 8 * 8 * 4
_HUFFMAN_FRAMES = frozenset({0xC0, 0xC1, 0xC2})  # arithmetic coding has no such bound
# Deflate turns two bits into at most 258 bytes.
_DEFLATE_RATIO = 1032


def refuse_implausible(data: bytes, image_format: ImageFormat, size: tuple[int, int]) -> None:
    """Raise `ImageRefused` (truncated) when the image cannot be in these bytes."""
    width, height = size
    needed = 0
    if image_format is ImageFormat.JPEG and frame_marker(data) in _HUFFMAN_FRAMES:
        needed = width * height // _JPEG_PIXELS_PER_BYTE
    elif image_format is ImageFormat.PNG:
        needed = height * (1 + width * bits_per_pixel(data) // 8) // _DEFLATE_RATIO
    if len(data) < needed:
        raise implausible(width, height, len(data))
    if image_format is ImageFormat.TIFF:
        refuse_missing_strips(data)
    elif image_format is ImageFormat.WEBP:
        refuse_stopped_webp(data)
