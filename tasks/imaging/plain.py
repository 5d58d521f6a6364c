"""Step 4: bring every pixel layout to one of L, RGB, RGBA and CMYK with 8 bits per channel.

Palettes and bitmaps cannot be resized smoothly, 16 bits are more than a shop shows.
"""

from PIL import Image

from infra.errors import ErrorCode, ImageRefused
from tasks.imaging.plan import Plan

_PLAIN = frozenset({"L", "RGB", "RGBA", "CMYK"})
_TO_RGB = frozenset({"P", "RGBX", "YCbCr"})
_STEPS_PER_8_BIT_STEP = 256


def plain(image: Image.Image, _: Plan) -> Image.Image:
    """Convert the layout; transparency, however it was written, becomes an alpha channel."""
    if image.mode.startswith("I;16"):
        return image.point(lambda value: value / _STEPS_PER_8_BIT_STEP).convert("L")
    if image.has_transparency_data:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    if image.mode in _PLAIN:
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode in _TO_RGB:
        return image.convert("RGB")
    raise ImageRefused(
        ErrorCode.UNSUPPORTED_FORMAT,
        f"The picture's pixel layout ({image.mode}) is not for showing; send RGB or greys.",
    )
