"""Step 2: open the bytes with the decoder that their content names, and read the header.

Size is judged from the header, before any pixel costs memory. Truncated files are refused:
Pillow's switch that would load them is never used.
"""

import math
from io import BytesIO

# These register the decoders named below, before the first image asks; no others are loaded.
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

from tasks.imaging.checks.plausible_size import refuse_implausible
from tasks.imaging.decode import bmp_layout, tiff_layout, tiff_samples
from tasks.imaging.decode.bmp_run_lengths import RunLengths
from tasks.imaging.decode.gif_frames import on_its_canvas
from tasks.imaging.decode.heif import open_heif
from tasks.imaging.decode.load import TRANSPARENT_16, UNCLOSED
from tasks.imaging.decode.memory import told_from_damage
from tasks.imaging.decode.source import Original
from tasks.imaging.errors import too_many_pixels, unknown_format
from tasks.imaging.formats import isobmff, jpeg, png
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.formats.riff_and_png import webp_size, with_alpha_flag
from tasks.imaging.formats.tiff import refuse_missing_strips
from tasks.imaging.models import Limits, SourceFacts
from tasks.imaging.transform.plan import is_sideways

AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # there is a process per CPU
Image.register_decoder("bmp_rle", RunLengths)

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

UPRIGHT = 1
# The decoders of these turn by themselves; the size is the upright one from the start. What the
# EXIF data of a HEIC say about it does not count.
_TURNED_BY_DECODER = frozenset({ImageFormat.TIFF, ImageFormat.HEIC})


def open_picture(original: Original, limits: Limits) -> Image.Image:
    """Return the image, header read, pixels not yet; several frames show their first.

    `info` names the colours: `icc_profile`, or `code_points` after H.273, or what a PNG says.
    """
    with told_from_damage(_pixels_of_opening(original)):
        if original.format is ImageFormat.HEIC:
            return open_heif(original.data, limits)  # pixels and all: its decoder has no other way
        decoders = _DECODERS.get(original.format)
        if decoders is None:
            raise unknown_format()
        data = _prepared(original, limits)
        image = Image.open(BytesIO(data), formats=decoders)
        if image.width * image.height > limits.max_pixels:
            raise too_many_pixels(image.width, image.height, limits.max_pixels)
        refuse_implausible(data, original.format, image.size)
        _complete_info(image, original)
        if original.format is ImageFormat.GIF and original.length.frames <= 1:
            return on_its_canvas(image, original.data)
        aperture = _aperture(original)
        return image if aperture is None else image.crop(aperture)  # which decodes it


def describe(image: Image.Image, original: Original) -> SourceFacts:
    """Take the facts from the header; call it before `load`, which may shrink."""
    is_heic = original.format is ImageFormat.HEIC
    orientation = UPRIGHT if is_heic else _stored_orientation(image, original)
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
        frames=original.length.frames,
        seconds=original.length.seconds,
        has_alpha=image.has_transparency_data,
    )


def orientation_left(facts: SourceFacts) -> int:
    """Return the EXIF orientation that the decoded pixels still have to follow."""
    return UPRIGHT if facts.format in _TURNED_BY_DECODER else facts.orientation


def _pixels_of_opening(original: Original) -> int:
    """Return how many pixels take memory at once; the other formats read their header only."""
    if original.format is ImageFormat.WEBP:
        return math.prod(webp_size(original.data))
    if original.format is ImageFormat.HEIC or _aperture(original):
        return math.prod(isobmff.declared_size(original.properties))
    return 0


def _aperture(original: Original) -> isobmff.Bounds | None:
    """Return the part of a still AVIF that is shown; Pillow shows all of it.

    It lies as the pixels do, before they are turned. Frames of an animation are shown whole.
    """
    if original.format is not ImageFormat.AVIF or original.length.frames > 1:
        return None
    return isobmff.clean_aperture(original.properties)


def _prepared(original: Original, limits: Limits) -> bytes:
    """Return the bytes as Pillow should see them; the pixels in them are the same."""
    if original.format is ImageFormat.JPEG:
        return jpeg.closed(jpeg.without_short_segments(original.data))
    if original.format is ImageFormat.PNG:
        return png.of_chunks(original.data, original.png_chunks)
    if original.format is ImageFormat.WEBP and original.length.frames > 1:
        return with_alpha_flag(original.data)
    if original.format is ImageFormat.TIFF:
        layout = tiff_layout.unread_by_pillow(original.data)
        if layout is not None:
            refuse_missing_strips(original.data)
            return tiff_samples.rewritten(original.data, layout, limits.max_pixels)
    if original.format is ImageFormat.BMP:
        return bmp_layout.as_pillow_reads_it(original.data)
    return original.data


def _complete_info(image: Image.Image, original: Original) -> None:
    """Add what Pillow does not tell about colours, and put right what it tells wrongly."""
    match original.format:
        case ImageFormat.JPEG:
            image.info[UNCLOSED] = jpeg.lacks_end(original.data)
        case ImageFormat.AVIF:
            image.info["code_points"] = isobmff.colour_code_points(original.properties)
        case ImageFormat.PNG:
            described = png.first_body(original.png_chunks, b"cICP")
            if described:
                image.info["code_points"] = (described[0], described[1])
                image.info.pop("icc_profile", None)  # the standard ranks it second
            # The transparent colour has as many bits as the file, the pixels have 8.
            key, depth = image.info.get("transparency"), png.bit_depth(original.data)
            if image.mode == "L" and isinstance(key, int):
                image.info["transparency"] = key * 255 // (2**depth - 1)
            if image.mode == "RGB" and isinstance(key, tuple) and depth == 16:
                image.info["transparency"] = tuple(level >> 8 for level in key)
                image.info[TRANSPARENT_16] = key
        case ImageFormat.TIFF:
            _forget_xmp_orientation(image)


def _stored_orientation(image: Image.Image, original: Original) -> int:
    """Return the EXIF orientation, 1 to 8; damaged EXIF data never cost the image.

    Pillow's own reader would ask a stale XMP packet as well.
    """
    try:
        if isinstance(image, TiffImagePlugin.TiffImageFile):
            value = image.tag_v2.get(ExifTags.Base.Orientation)
        else:
            is_png = original.format is ImageFormat.PNG  # which may have it behind its pixels
            block = (
                png.first_body(original.png_chunks, b"eXIf") if is_png else image.info.get("exif")
            )
            exif = Image.Exif()
            exif.load(block or b"")
            value = exif.get(ExifTags.Base.Orientation)
    except Exception:  # noqa: BLE001 - hostile EXIF data raise anything; upright is the default
        return UPRIGHT
    return value if isinstance(value, int) and value in range(1, 9) else UPRIGHT


def _forget_xmp_orientation(image: Image.Image) -> None:
    """Keep the decoder of a TIFF from turning the pixels as an XMP packet says."""
    try:
        exif = image.getexif()  # which is kept, and asked again once there are pixels
        if ExifTags.Base.Orientation not in getattr(image, "tag_v2", ()):
            exif.pop(ExifTags.Base.Orientation, None)
    except Exception:  # noqa: BLE001, S110 - hostile tags raise anything; the pixels are not lost
        pass
