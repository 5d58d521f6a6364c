"""Check what the decoders do not: cheap looks at the bytes before anything is decoded."""

from tasks.imaging.checks.frame_count import Length, measure
from tasks.imaging.checks.truncation import refuse_stopped_iso
from tasks.imaging.errors import endless_scans, too_many_frames, too_many_pixels, truncated
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.formats.isobmff import declared_size, main_properties
from tasks.imaging.formats.jpeg import has_more_scans, refuse_undecodable
from tasks.imaging.formats.png import refuse_unreadable
from tasks.imaging.formats.riff_and_png import riff_bytes, webp_size
from tasks.imaging.formats.tiff import refuse_raw
from tasks.imaging.models import Limits

_LARGEST_BLOCK_PX = 128


def refuse_unsound(data: bytes, image_format: ImageFormat, limits: Limits) -> Length:
    """Raise `ImageRefused` for what would decode wrongly, misleadingly or for ever.

    Returns the length of the animation, which is one frame for a still image.
    """
    length = _affordable_length(data, image_format, limits)
    match image_format:
        case ImageFormat.WEBP:
            # Opening one takes the memory of its canvas, so this looks before it is opened.
            _refuse_many(*webp_size(data), limits)
        case ImageFormat.AVIF | ImageFormat.HEIC:
            _refuse_many(*_least_size(*declared_size(main_properties(data))), limits)
            refuse_stopped_iso(data)
        case ImageFormat.PNG:
            refuse_unreadable(data)
        case ImageFormat.JPEG:
            refuse_undecodable(data)
            _refuse_endless_scans(data, limits)
        case ImageFormat.TIFF:
            refuse_raw(data)
    return length


def _affordable_length(data: bytes, image_format: ImageFormat, limits: Limits) -> Length:
    """Count the frames first: a flood of them ends that walk earlier than any other."""
    if image_format is ImageFormat.WEBP:
        _refuse_short_riff(data)
    length = measure(data, image_format, limits.max_frames)
    if length.frames > limits.max_frames:
        raise too_many_frames(limits.max_frames)
    return length


def _refuse_short_riff(data: bytes) -> None:
    """A WebP file says its length; its decoder calls a short one damaged, not truncated."""
    if len(data) < riff_bytes(data):
        raise truncated()


def _least_size(width: int, height: int) -> tuple[int, int]:
    """These formats round sizes up to whole blocks and crop afterwards."""
    return max(0, width - _LARGEST_BLOCK_PX), max(0, height - _LARGEST_BLOCK_PX)


def _refuse_many(width: int, height: int, limits: Limits) -> None:
    if width * height > limits.max_pixels:
        raise too_many_pixels(width, height, limits.max_pixels)


def _refuse_endless_scans(data: bytes, limits: Limits) -> None:
    """Each scan of a progressive JPEG is a pass over all pixels: thousands take minutes."""
    if has_more_scans(data, limits.max_scans):
        raise endless_scans()
