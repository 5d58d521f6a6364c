"""Step 7: bring the colours to sRGB, which is what a browser assumes of a picture without profile.

Dropping a profile without converting shifts colours by up to 45 of 255 levels.
"""

from functools import cache
from io import BytesIO
from itertools import product

from PIL import Image, ImageChops, ImageCms

from tasks.imaging.plan import Plan

_LATTICE = range(0, 256, 32)
_SAME = 1  # levels of 255 that rounding alone explains


def to_srgb(image: Image.Image, _: Plan) -> Image.Image:
    """Convert by the embedded profile; without a usable one, take the colours as sRGB."""
    profile = image.info.get("icc_profile")
    converted = _by_profile(image, profile) if profile else None
    if converted is not None:
        return converted
    return image.convert("RGB") if image.mode == "CMYK" else image


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Return the converted picture, or None where the profile is damaged or for other pixels."""
    mode = "RGB" if image.mode == "RGBA" else image.mode
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(BytesIO(profile)),
            _srgb(),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (OSError, ImageCms.PyCMSError):
        return None
    if mode == "RGB" and _changes_nothing(transform):
        return image
    return _apply(image, transform, mode)


def _apply(image: Image.Image, transform: ImageCms.ImageCmsTransform, mode: str) -> Image.Image:
    converted = transform.apply(image if image.mode == mode else image.convert(mode))
    if image.mode == "RGBA":
        converted.putalpha(image.getchannel("A"))
    return converted.convert("L") if image.mode == "L" else converted


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether the profile is sRGB under whatever name: most are, and need no pass over pixels."""
    probe = _probe()
    change = ImageChops.difference(probe, transform.apply(probe)).convert("RGB").getextrema()
    return all(isinstance(band, tuple) and band[1] <= _SAME for band in change)


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@cache
def _probe() -> Image.Image:
    levels = [min(255, level) for level in (*_LATTICE, 255)]
    colours = bytes(value for colour in product(levels, repeat=3) for value in colour)
    return Image.frombytes("RGB", (len(levels) ** 3, 1), colours)
