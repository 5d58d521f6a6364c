"""Open HEIC and HEIF pictures, which Pillow cannot.

The only place that knows libheif. It is asked directly and not made a plugin of Pillow, so that
no other code opens such files by accident. libheif turns and mirrors by itself, as the standard
demands, and ignores the EXIF orientation, as the standard demands as well.
"""

from collections.abc import Mapping
from typing import Any

import pi_heif  # type: ignore[import-untyped]  # pi-heif ships no types
from pi_heif import options
from PIL import Image

from tasks.imaging.facts import Limits
from tasks.imaging.refusal import too_many_pixels, truncated

options.DECODE_THREADS = 1  # there is a process per CPU
options.THUMBNAILS = False  # none of these three is shown
options.DEPTH_IMAGES = False
options.AUX_IMAGES = False


def heif_version() -> str:
    """Return the version of libheif, which decides about the pixels that come out."""
    return str(pi_heif.libheif_version())


def open_heif(data: bytes, limits: Limits) -> Image.Image:
    """Return the main picture, decoded; colours with more than 8 bits are reduced to 8.

    `info` holds the profile (`icc_profile`) or H.273 code points (`code_points`), and the EXIF data
    and the XMP packet (`exif`, `xmp`), nothing else.
    """
    try:
        heif = pi_heif.open_heif(data, convert_hdr_to_8bit=True)
    except EOFError as exc:
        raise truncated() from exc
    main = heif[heif.primary_index]
    width, height = main.size
    if width * height > limits.max_pixels:
        raise too_many_pixels(width, height, limits.max_pixels)
    image: Image.Image = main.to_pillow()
    image.info = _facts(main.info)
    return image


def _facts(info: Mapping[str, object]) -> dict[str | tuple[int, int], Any]:
    facts: dict[str | tuple[int, int], Any] = {}
    if info.get("icc_profile"):
        facts["icc_profile"] = info["icc_profile"]
    for told in ("exif", "xmp"):
        if isinstance(info.get(told), bytes):
            facts[told] = info[told]
    described = info.get("nclx_profile")
    if isinstance(described, dict):
        facts["code_points"] = (
            int(described["color_primaries"]),
            int(described["transfer_characteristics"]),
        )
    return facts
