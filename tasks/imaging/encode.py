"""Write one variant: flatten where the format has no transparency, then encode.

Each option is spelled out, so that the bytes depend on the encoding and nothing else.
"""

from pathlib import Path
from typing import Any

from PIL import Image

from infra.errors import ErrorCode, PermanentError
from tasks.imaging.preset import Encoding
from tasks.imaging.sniff import ImageFormat

_OPAQUE_FORMATS = frozenset({ImageFormat.JPEG})


def encode(
    image: Image.Image, path: Path, encoding: Encoding, *, background: tuple[int, int, int]
) -> None:
    """Encode bare pixels into `path`; `background` is RGB and shows through transparency."""
    if encoding.format in _OPAQUE_FORMATS:
        image = flatten(image, background)
    image.save(path, encoding.format.value, **_options(encoding))


def flatten(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    """Lay a picture with alpha on a background; others pass unchanged."""
    if image.mode != "RGBA":
        return image
    ground = Image.new("RGB", image.size, background)
    ground.paste(image, mask=image)
    return ground


def _options(encoding: Encoding) -> dict[str, Any]:
    """Translate to Pillow's words; a format without a line here is not for writing."""
    match encoding.format:
        case ImageFormat.JPEG:
            return {"quality": encoding.quality, "progressive": True, "optimize": True}
        case ImageFormat.WEBP:
            return {"quality": encoding.quality, "method": encoding.effort}
        case _:
            raise PermanentError(
                ErrorCode.INVALID_REQUEST, f"No preset can ask for {encoding.format.value} yet."
            )
