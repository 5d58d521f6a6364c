"""Step 3: decode the pixels, at a reduced size where the format offers that without loss.

A JPEG can be decoded at a half, a quarter or an eighth for about half the CPU.
"""

from collections.abc import Sequence
from functools import reduce
from io import BytesIO

from PIL import Image, ImageChops

from tasks.imaging.checks.png_rows import refuse_missing_rows
from tasks.imaging.decode.memory import told_from_damage
from tasks.imaging.errors import truncated
from tasks.imaging.formats import jpeg
from tasks.imaging.transform.plan import Plan

# Measured against full decoding at a width of 1,600: with half as much again left for Lanczos the
# result is the same to 44 dB and 0.9965 SSIM, well under what the encoders change; with less, the
# image gets visibly softer (39 dB at 1.0).
_DRAFT_RESERVE = 1.5
TRANSPARENT_16 = "transparent_16"  # in `info`: red, green and blue of a PNG with 16 bits
UNCLOSED = "unclosed"  # in `info`: whether a JPEG has no end mark
_LOW_BYTES = "RGB;16L"  # of levels that are stored with the high byte first


def load(image: Image.Image, plan: Plan) -> Image.Image:
    """Load the first frame; at least `_DRAFT_RESERVE` times as large as planned, or in full."""
    pixels, size = image.width * image.height, plan.stored_size
    reserve = (round(size.width * _DRAFT_RESERVE), round(size.height * _DRAFT_RESERVE))
    image.draft(None, reserve)  # does nothing for other formats than JPEG
    source = getattr(image, "fp", None)  # which is gone once there are pixels
    packed = source if isinstance(source, BytesIO) else None
    with told_from_damage(pixels):
        image.load()
    if packed is not None and image.info.get(UNCLOSED):
        _refuse_missing_pixels(packed.getvalue(), image, reserve)
    if packed is not None and image.format == "PNG":
        refuse_missing_rows(packed.getvalue(), image)
        if TRANSPARENT_16 in image.info:
            _clear(image, image.info[TRANSPARENT_16], packed.getvalue())
    return image


def _clear(image: Image.Image, colour: Sequence[int], data: bytes) -> None:
    """Make pixels of a colour transparent, and not those that have only its 8 high bits.

    Pillow keeps these bits alone, so the image is decoded once more for the others.
    """
    with Image.open(BytesIO(data), formats=("PNG",)) as low:
        low.tile = [tile._replace(args=_LOW_BYTES) for tile in low.tile]
        low.load()
        parts = [level >> 8 for level in colour] + [level & 0xFF for level in colour]
        same = [
            band.point([255 * (level == part) for level in range(256)])
            for band, part in zip((*image.split(), *low.split()), parts, strict=True)
        ]
    image.putalpha(ImageChops.invert(reduce(ImageChops.darker, same)))
    image.info.pop("transparency")


def _refuse_missing_pixels(data: bytes, image: Image.Image, reserve: tuple[int, int]) -> None:
    """Raise `ImageRefused` (truncated) where a JPEG without its end mark lacks pixels as well.

    libjpeg makes them up silently. They are missing where it would show others, had
    the file gone on.
    """
    with Image.open(BytesIO(jpeg.otherwise_closed(data)), formats=("JPEG",)) as other:
        other.draft(None, reserve)
        with told_from_damage(other.width * other.height):
            other.load()
        if other.tobytes() != image.tobytes():
            raise truncated()


def load_formats() -> None:
    """Load every format of Pillow now, for processes that may open no module later."""
    Image.init()
