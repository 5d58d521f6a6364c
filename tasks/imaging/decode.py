"""Step 2: open the bytes with the decoder that their content names, and read the header.

Size is judged from the header, before any pixel costs memory. Truncated files are refused:
Pillow's switch that would load them is never used.
"""

from io import BytesIO

# These register the decoders named below, before the first picture asks; no others are loaded.
from PIL import (  # noqa: F401 - see above
    AvifImagePlugin,
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
    features,
)

from infra.errors import ErrorCode, ImageRefused
from tasks.imaging.facts import Limits, SourceFacts
from tasks.imaging.original import Original
from tasks.imaging.plan import is_sideways
from tasks.imaging.sniff import ImageFormat

_DECODERS: dict[ImageFormat, tuple[str, ...]] = {
    ImageFormat.JPEG: ("JPEG", "MPO"),  # phones append a depth map or a second view
    ImageFormat.PNG: ("PNG",),
    ImageFormat.WEBP: ("WEBP",),
    ImageFormat.GIF: ("GIF",),
    ImageFormat.TIFF: ("TIFF",),
    ImageFormat.BMP: ("BMP",),
}
if features.check("avif"):
    _DECODERS[ImageFormat.AVIF] = ("AVIF",)

_UPRIGHT = 1
# Pillow turns pictures of these by itself; their size is the upright one from the start.
_TURNED_BY_DECODER = frozenset({ImageFormat.TIFF})


def open_picture(original: Original, limits: Limits) -> Image.Image:
    """Return the picture, header read, pixels not yet; several frames show their first."""
    decoders = _DECODERS.get(original.format)
    if decoders is None:
        raise ImageRefused(
            ErrorCode.UNSUPPORTED_FORMAT,
            f"Pictures of type {original.format.media_type} are not accepted yet.",
        )
    image = Image.open(BytesIO(original.data), formats=decoders)
    if image.width * image.height > limits.max_pixels:
        raise ImageRefused(
            ErrorCode.TOO_MANY_PIXELS,
            f"The picture has {image.width} by {image.height} pixels; "
            f"at most {limits.max_pixels:,} are accepted.",
        )
    return image


def describe(image: Image.Image, original: Original) -> SourceFacts:
    """Take the facts from the header; call it before `load`, which may shrink."""
    orientation = _stored_orientation(image)
    width, height = image.size
    if is_sideways(orientation) and original.format not in _TURNED_BY_DECODER:
        width, height = height, width
    return SourceFacts(
        format=original.format,
        media_type=original.format.media_type,
        width=width,
        height=height,
        orientation=orientation,
        bytes=len(original.data),
        sha256=original.sha256,
    )


def orientation_left(facts: SourceFacts) -> int:
    """Return the EXIF orientation that the decoded pixels still have to follow."""
    return _UPRIGHT if facts.format in _TURNED_BY_DECODER else facts.orientation


def _stored_orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; damaged EXIF data never cost the picture."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # noqa: BLE001 - hostile EXIF data raise anything; upright is the default
        return _UPRIGHT
    return value if isinstance(value, int) and value in range(1, 9) else _UPRIGHT
