"""Write an image in a format at a number on the encoder's own scale.

Each option is spelled out, so that the bytes depend on the image, the format and the numbers
and on nothing else. It must not know how the number was found.
"""

from functools import lru_cache
from io import BytesIO
from typing import Any, Final

from PIL import Image, ImageChops
from PIL.PngImagePlugin import PngInfo

from infra.contract.errors import ErrorCode, PermanentError
from tasks.imaging.formats.detect import ImageFormat

_OPAQUE_FORMATS: Final = frozenset({ImageFormat.JPEG})
LOSSLESS_FORMATS: Final = frozenset({ImageFormat.PNG, ImageFormat.WEBP})
_PALETTE_COLOURS: Final = 256
_PNG_BEST: Final = 9
_XMP_OF_PNG: Final = "XML:com.adobe.xmp"
_WHITE_STAYS_WHITE: Final = 7  # a JPEG's flat block is off by at most a sixteenth of this step

# Effort where a preset names none, on each encoder's own scale. For AVIF it is a speed. Measured
# over 11 photographs at 800 px, bytes and CPU at equal SSIMULACRA2: WebP 2 against 4: 4 % more
# bytes, half the CPU, and scores that a sample foretells better; against 0 and 1: 24 % and 14 %
# fewer. AVIF 6 against 8: 8 % fewer bytes for 2.6 times the CPU: who asks for AVIF asks for few.
_EFFORT: Final = {ImageFormat.WEBP: 2, ImageFormat.AVIF: 6}
# The score at a number hardly depends on WebP's effort (0.5 points at most in the same run), so
# trying a number out may be done in a hurry. AVIF's is that of the preset `web`.
_HURRY: Final = {ImageFormat.WEBP: 1, ImageFormat.AVIF: 9}


def encode(
    picture: Image.Image,
    image_format: ImageFormat,
    quality: int,
    *,
    effort: int | None = None,
    full_colour: bool = False,
) -> bytes:
    """Return a lossy file; `quality` is 0 to 100, `effort` is the encoder's own or None.

    `full_colour` keeps the colour of every pixel (4:4:4); WebP cannot.
    """
    options = lossy_options(image_format, quality, effort, full_colour=full_colour)
    return _written(picture, image_format, options, says=True)


def encode_in_a_hurry(
    picture: Image.Image, image_format: ImageFormat, quality: int, *, full_colour: bool = False
) -> bytes:
    """Return a larger file that looks like the one that `encode` makes."""
    effort = _HURRY.get(image_format)
    options = lossy_options(image_format, quality, effort, full_colour=full_colour)
    if image_format is ImageFormat.JPEG:
        options |= {"progressive": False, "optimize": False}  # the same pixels in more bytes
    return _written(picture, image_format, options)


def encode_lossless(
    picture: Image.Image, image_format: ImageFormat, *, effort: int | None = None
) -> bytes:
    """Return a file that decodes to the very same visible pixels; WebP and PNG only."""
    if image_format is ImageFormat.WEBP:
        options: dict[str, Any] = {"lossless": True, "quality": 75, "method": 4, "exact": False}
        return _written(picture, image_format, options, says=True)
    level = _PNG_BEST if effort is None else effort
    options = {"optimize": level == _PNG_BEST, "compress_level": level}
    if picture.mode != "L" and has_few_colours(picture):
        reduced = picture.quantize(
            _PALETTE_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
        )
        back = reduced.convert(picture.mode).convert("RGBA")
        change = ImageChops.difference(back, picture.convert("RGBA"))
        if change.getbbox(alpha_only=False) is None:  # the palette changes no pixel
            reduced.info |= picture.info
            picture = reduced
    return _written(picture, image_format, options, says=True)


def lossy_options(
    image_format: ImageFormat, quality: int, effort: int | None, *, full_colour: bool = False
) -> dict[str, Any]:
    """Return Pillow's words for a quality; a format without a line here is not for writing."""
    chosen = _EFFORT.get(image_format) if effort is None else effort
    subsampling = "4:4:4" if full_colour else "4:2:0"
    match image_format:
        case ImageFormat.JPEG:
            # Full colour ("4:4:4") needs 16 % more bytes at equal SSIMULACRA2 (measured as above).
            return {
                "qtables": [_steps(quality)] * 2,
                "subsampling": subsampling,
                "progressive": True,
                "optimize": True,
            }
        case ImageFormat.WEBP:
            return {"quality": quality, "method": chosen, "alpha_quality": 100, "lossless": False}
        case ImageFormat.AVIF:
            return {
                "quality": quality,
                "speed": chosen,
                "subsampling": subsampling,
                "range": "full",
                "codec": "aom",
                "max_threads": 1,
                "autotiling": False,
            }
        case _:
            raise PermanentError(
                ErrorCode.INVALID_REQUEST, f"No preset can ask for {image_format.value} yet."
            )


def has_few_colours(picture: Image.Image) -> bool:
    """Whether a palette holds all colours, as in drawings and logos; photographs never do."""
    return picture.getcolors(_PALETTE_COLOURS) is not None


def loses_transparency(picture: Image.Image, image_format: ImageFormat) -> bool:
    """Whether the image has transparency that the format cannot show."""
    return image_format in _OPAQUE_FORMATS and picture.mode == "RGBA"


def flattened(picture: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    """Return an image RGBA laid on the background."""
    ground = Image.new("RGB", picture.size, background)
    ground.paste(picture, mask=picture)
    ground.info = dict(picture.info)
    return ground


def _written(
    picture: Image.Image, image_format: ImageFormat, options: dict[str, Any], *, says: bool = False
) -> bytes:
    """Return the file; `says` writes what the picture's `info` says besides the pixels."""
    exif, xmp = (picture.info.get(part, b"") if says else b"" for part in ("exif", "xmp"))
    if image_format is ImageFormat.PNG and xmp:
        options = {**options, "pnginfo": PngInfo()}
        options["pnginfo"].add_itxt(_XMP_OF_PNG, xmp.decode())
    elif image_format is not ImageFormat.PNG:
        options = {**options, "xmp": xmp}
    out = BytesIO()
    picture.save(out, image_format.value, **options, exif=exif)
    return out.getvalue()


@lru_cache
def _steps(quality: int) -> tuple[int, ...]:
    """Return JPEG's 64 quantisation steps: fine for coarse structure, coarse for fine structure.

    The standard's own tables are too coarse where the eye sees best. At equal SSIMULACRA2 (74,
    as above) these need 16 % fewer bytes; the number means nearly the same, and scales them as
    libjpeg does.
    """
    percent = 5000 / quality if quality < 50 else 200 - 2 * quality
    frequencies = (
        (across * across + down * down) ** 0.5 for down in range(8) for across in range(8)
    )
    steps = (9 + 90 * (frequency / 7) ** 1.5 for frequency in frequencies)
    scaled = [max(1, min(255, int((step * percent + 50) // 100))) for step in steps]
    return min(scaled[0], _WHITE_STAYS_WHITE), *scaled[1:]
