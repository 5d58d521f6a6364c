"""Step 7: bring the colours to sRGB, which is what a browser assumes of an image without profile.

Dropping a profile without converting shifts colours by up to 45 of 255 levels.
"""

from functools import cache
from io import BytesIO
from itertools import chain, product

from PIL import Image, ImageChops, ImageCms

from tasks.imaging.colour.icc_synthesis import (
    BT709,
    Chromaticities,
    profile_of_code_points,
    profile_of_gamma,
)
from tasks.imaging.transform.plan import Plan

_LATTICE = range(0, 256, 32)
_SAME = 1  # levels of 255 that rounding alone explains
_MAX_PROFILE_BYTES = 8 * 1024**2  # those of presses have one to three million
_SRGB_GAMMA, _GAMMA_TOLERANCE = 0.45455, 0.002  # a PNG with this gamma means sRGB
_CHROMATICITY_TOLERANCE = 0.002


def to_srgb(image: Image.Image, _: Plan) -> Image.Image:
    """Convert by the picture's profile; without a usable one, take the colours as sRGB.

    Print colours without a profile are converted as browsers do, by plain arithmetic.
    """
    converted = _by_embedded_profile(image) or _by_description(image)
    if converted is not None:
        return converted
    return image.convert("RGB") if image.mode == "CMYK" else image


def _by_embedded_profile(image: Image.Image) -> Image.Image | None:
    data = image.info.get("icc_profile")
    if not data or len(data) > _MAX_PROFILE_BYTES:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(data))
    except OSError:
        return None
    if profile.profile.xcolor_space.strip() != "GRAY" or image.mode != "RGBA":
        return _converted(image, profile)
    # Greys with alpha have become RGBA on the way here; their profile is still for greys.
    red, green, blue, alpha = image.split()
    if red.tobytes() != green.tobytes() or red.tobytes() != blue.tobytes():
        return None
    converted = _converted(red, profile)
    return converted and Image.merge("RGBA", (converted, converted, converted, alpha))


def _by_description(image: Image.Image) -> Image.Image | None:
    """Convert where the file describes its colours by numbers instead of a profile."""
    data = _described_profile(image.info)
    if data is None or image.mode == "CMYK":
        return None
    profile = ImageCms.ImageCmsProfile(BytesIO(data))
    if image.mode == "L":
        converted = _converted(image.convert("RGB"), profile)
        return converted and converted.convert("L")
    return _converted(image, profile)


def _described_profile(info: dict[str | tuple[int, int], object]) -> bytes | None:
    """Return a profile made from what the file says; None where it says nothing or sRGB."""
    code_points, gamma = info.get("code_points"), info.get("gamma")
    if isinstance(code_points, tuple):
        return profile_of_code_points(*code_points)
    if not isinstance(gamma, float) or gamma <= 0 or "srgb" in info:
        return None
    numbers, places = info.get("chromaticity"), BT709
    if isinstance(numbers, tuple) and len(numbers) == 8:
        differences = (abs(one - other) for one, other in zip(numbers, chain(*BT709), strict=True))
        if not all(difference < _CHROMATICITY_TOLERANCE for difference in differences):
            places = Chromaticities(*((numbers[at], numbers[at + 1]) for at in range(0, 8, 2)))
    is_srgb = abs(gamma - _SRGB_GAMMA) < _GAMMA_TOLERANCE
    return profile_of_gamma(None if is_srgb else gamma, places)


def _converted(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image | None:
    """Return the converted image, or None where the profile is damaged or for other pixels."""
    mode = "RGB" if image.mode == "RGBA" else image.mode
    try:
        transform = ImageCms.buildTransform(
            profile,
            _srgb(),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (OSError, ImageCms.PyCMSError):
        return None
    if mode == "RGB":  # most are sRGB under whatever name, and need no pass over pixels
        change = ImageChops.difference(_probe(), transform.apply(_probe())).convert("RGB")
        if all(isinstance(band, tuple) and band[1] <= _SAME for band in change.getextrema()):
            return image
    converted = transform.apply(image if image.mode == mode else image.convert(mode))
    if image.mode == "RGBA":
        converted.putalpha(image.getchannel("A"))
    return converted.convert("L") if image.mode == "L" else converted


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@cache
def _probe() -> Image.Image:
    levels = [min(255, level) for level in (*_LATTICE, 255)]
    colours = bytes(value for colour in product(levels, repeat=3) for value in colour)
    return Image.frombytes("RGB", (len(levels) ** 3, 1), colours)
