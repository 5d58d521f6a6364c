"""Step 4: bring every pixel layout to one of L, RGB, RGBA and CMYK with 8 bits per channel.

Palettes and bitmaps cannot be resized smoothly, 16 bits are more than a shop shows.
"""

import math
from functools import cache

from PIL import Image, ImageChops

from infra.contract.errors import ErrorCode, ImageRefused
from tasks.imaging.transform.plan import Plan

_PLAIN = frozenset({"L", "RGB", "RGBA", "CMYK"})
_TO_RGB = frozenset({"P", "RGBX", "YCbCr", "LAB"})
_TO_GREY_WITH_ALPHA = frozenset({"La"})  # colours multiplied by their opacity
_WHITE_16 = 65_535
# What white may be where the file does not say it: the first that no pixel exceeds.
WHITES = (1.0, 255.0, 65_535.0, 2.0**31 - 1, 2.0**32 - 1)
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # a TIFF tag


def normalize_mode(image: Image.Image, _: Plan) -> Image.Image:
    """Convert the layout; transparency, however it was written, becomes an alpha channel."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _eight_bits(image)
    if image.mode in _TO_GREY_WITH_ALPHA:
        image = image.convert("LA")
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
        f"The image's pixel layout ({image.mode}) is not for showing; send RGB or greys.",
    )


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale greys of more than 8 bits, so that white stays white."""
    if image.mode.startswith("I;16"):
        levels = image.convert("I")
        grey = levels.point(_to_8_bits(), "L")
        key = image.info.get("transparency")
        if isinstance(key, int):
            opaque = [0 if level == key else 255 for level in range(_WHITE_16 + 1)]
            return Image.merge("RGBA", (grey, grey, grey, levels.point(opaque, "L")))
    else:
        # By the white that the file most likely means; numbers may be whole or broken.
        extremes = image.getextrema()
        brightest = extremes[1] if isinstance(extremes[1], int | float) else math.nan
        whites = WHITES if image.mode == "F" else WHITES[1:]
        white = next((white for white in whites if brightest <= white), 0.0)
        if not white:  # endless or not a number
            raise ImageRefused(
                ErrorCode.UNSUPPORTED_FORMAT,
                "The image's levels are not finite numbers; send RGB or greys.",
            )
        # The half rounds; `point` on these modes wants exactly this shape, and no other.
        grey = image.point(lambda level: level * (255 / white) + 0.5).convert("L")
    grey.info = dict(image.info)
    # Where black is the highest level, Pillow sees to that for 8 bits only.
    is_negative = getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    return ImageChops.invert(grey) if is_negative else grey


@cache
def _to_8_bits() -> list[int]:
    return [(level * 255 + _WHITE_16 // 2) // _WHITE_16 for level in range(_WHITE_16 + 1)]
