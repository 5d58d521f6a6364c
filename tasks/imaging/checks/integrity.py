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
    if image_format is ImageFormat.WEBP and len(data) < riff_bytes(data):
        raise truncated()  # its decoder calls a file that is shorter than it says damaged
    # The frames first: a flood of them ends that walk earlier than any other.
    length = measure(data, image_format, limits.max_frames)
    if length.frames > limits.max_frames:
        raise too_many_frames(limits.max_frames)
    match image_format:
        case ImageFormat.WEBP:
            # Opening one takes the memory of its canvas, so this looks before it is opened.
            _refuse_many(*webp_size(data), limits)
        case ImageFormat.AVIF | ImageFormat.HEIC:
            # These formats round sizes up to whole blocks and crop afterwards.
            declared = declared_size(main_properties(data))
            width, height = (max(0, side - _LARGEST_BLOCK_PX) for side in declared)
            _refuse_many(width, height, limits)
            refuse_stopped_iso(data)
        case ImageFormat.PNG:
            refuse_unreadable(data)
        case ImageFormat.JPEG:
            refuse_undecodable(data)
            # Each scan of a progressive JPEG is a pass over all pixels: thousands take minutes.
            if has_more_scans(data, limits.max_scans):
                raise endless_scans()
        case ImageFormat.TIFF:
            refuse_raw(data)
    return length


def _refuse_many(width: int, height: int, limits: Limits) -> None:
    if width * height > limits.max_pixels:
        raise too_many_pixels(width, height, limits.max_pixels)
