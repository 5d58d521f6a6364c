"""Step 1: read the source file and name its format by content.

What passes here is worth opening. It must not decode anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from infra.contract.errors import ErrorCode, PixelsFailed
from tasks.imaging.checks.frame_count import Length
from tasks.imaging.checks.integrity import refuse_unsound
from tasks.imaging.errors import heic_is_off, too_many_bytes, unknown_format
from tasks.imaging.formats import isobmff, png
from tasks.imaging.formats.detect import HEADER_BYTES, ImageFormat, sniff
from tasks.imaging.formats.riff_and_png import PngChunk
from tasks.imaging.models import Limits


@dataclass(frozen=True)
class Original:
    """The bytes of a source; `sha256` is hexadecimal, `length` that of the animation."""

    data: bytes
    format: ImageFormat
    sha256: str
    length: Length

    @cached_property
    def png_chunks(self) -> Sequence[PngChunk]:
        """The chunks of a PNG that say something about its image."""
        return png.shaping_chunks(self.data)

    @cached_property
    def properties(self) -> Sequence[isobmff.Box]:
        """What an AVIF or HEIC says of its main image."""
        return isobmff.main_properties(self.data)


def read_original(source: Path, limits: Limits) -> Original:
    """Read a file; raise `ImageRefused` when no image of ours can be in it,
    `PixelsFailed` when the file cannot be read.
    """
    try:
        size = source.stat().st_size
        if size > limits.max_bytes:
            raise too_many_bytes(size, limits.max_bytes)
        data = source.read_bytes()
    except OSError as exc:
        raise PixelsFailed(
            ErrorCode.INTERNAL_ERROR, "The fetched file is gone before its image was made."
        ) from exc
    image_format = sniff(data[:HEADER_BYTES])
    if image_format is None:
        raise unknown_format()
    if image_format is ImageFormat.HEIC and not limits.heic:
        raise heic_is_off()  # before anything else reads the file
    length = refuse_unsound(data, image_format, limits)
    return Original(data, image_format, sha256(data).hexdigest(), length)
