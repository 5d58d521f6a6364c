"""Open HEIC and HEIF images, which Pillow cannot.

The only place that knows libheif, which comes with the extra `heic` and may be missing. It is asked
directly and not made a plugin of Pillow, so that no other code opens such files by accident.
libheif turns and mirrors by itself, as the standard demands, and ignores the EXIF orientation, as
the standard demands as well.
"""

import re
from collections.abc import Mapping

from PIL import Image

from tasks.imaging.errors import heic_is_off, too_many_pixels, truncated
from tasks.imaging.models import Limits

try:  # with the module: a pixel process may open no library any more when its first image comes
    import pillow_heif
except ImportError:
    pillow_heif = None  # type: ignore[assignment]  # its absence is asked about below
else:
    pillow_heif.options.DECODE_THREADS = 1  # there is a process per CPU
    pillow_heif.options.THUMBNAILS = False  # none of these three is shown
    pillow_heif.options.DEPTH_IMAGES = False
    pillow_heif.options.AUX_IMAGES = False

_HEVC_DECODER = "libde265"
_VERSION = re.compile(r"version ([0-9.]+)")


def heif_version() -> str:
    """Return the version of libheif, which decides about the pixels that come out; "" without."""
    return "" if pillow_heif is None else str(pillow_heif.libheif_version())


def hevc_version() -> str:
    """Return the version of libde265, as libheif reports it; "" without."""
    if not heif_version():
        return ""
    told = _VERSION.search(str(pillow_heif.libheif_info()["decoders"].get(_HEVC_DECODER, "")))
    return told[1] if told else ""


def open_heif(data: bytes, limits: Limits) -> Image.Image:
    """Return the main image, decoded; colours with more than 8 bits are reduced to 8.

    `info` holds the profile (`icc_profile`) or H.273 code points (`code_points`), and the EXIF data
    and the XMP packet (`exif`, `xmp`), nothing else.
    """
    if pillow_heif is None or not limits.heic:
        raise heic_is_off()
    try:
        heif = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)
    except EOFError as exc:
        raise truncated() from exc
    main = heif[heif.primary_index]
    width, height = main.size
    if width * height > limits.max_pixels:
        raise too_many_pixels(width, height, limits.max_pixels)
    image: Image.Image = main.to_pillow()
    info: Mapping[str, object] = main.info
    image.info = {told: info[told] for told in ("exif", "xmp") if isinstance(info.get(told), bytes)}
    if info.get("icc_profile"):
        image.info["icc_profile"] = info["icc_profile"]
    described = info.get("nclx_profile")
    if isinstance(described, dict):
        code_points = (described["color_primaries"], described["transfer_characteristics"])
        image.info["code_points"] = tuple(int(number) for number in code_points)
    return image
