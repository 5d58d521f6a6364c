"""Turn whatever Pillow and its libraries raise into this project's errors.

Decoders raise almost anything on damaged bytes (SyntaxError, struct.error, IndexError, …), so
this is the one place that catches everything. It must not know the pipeline's steps.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from infra.contract.errors import ErrorCode, ImageRefused, PixelsFailed, ProductImagesError
from tasks.imaging.formats.detect import HEIC_IS_OFF

# What the decoders say in their own words; everything else is damage.
_NO_MEMORY = ("out of memory", "memory allocation", "cannot allocate")
_WEBP_WRITER_HAS_NO_MEMORY = "encoding error 1"  # VP8_ENC_ERROR_OUT_OF_MEMORY
_CUT_SHORT = ("truncated", "end of file", "no 'meta' box")
_OUT_OF_MEMORY = "This image needs more memory than one image may use."


@contextmanager
def reading() -> Iterator[None]:
    """Around all that depends on the source's bytes: any failure refuses the image."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # corrupt EXIF and the like: we decide, not stderr
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except ProductImagesError:
        raise
    except MemoryError as exc:
        raise ImageRefused(ErrorCode.OUT_OF_MEMORY, _OUT_OF_MEMORY) from exc
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise ImageRefused(
            ErrorCode.TOO_MANY_PIXELS, "The image declares more pixels than any camera makes."
        ) from exc
    except Exception as exc:  # decoders raise anything on damaged bytes
        if _tells_no_memory(exc):
            raise ImageRefused(ErrorCode.OUT_OF_MEMORY, _OUT_OF_MEMORY) from exc
        is_cut_short = any(word in str(exc).lower() for word in _CUT_SHORT)
        raise (truncated() if is_cut_short else corrupt()) from exc


@contextmanager
def writing() -> Iterator[None]:
    """Around our own encoding: the source is good, so a failure is worth another try."""
    try:
        yield
    except ProductImagesError:
        raise
    except MemoryError as exc:
        raise ImageRefused(ErrorCode.OUT_OF_MEMORY, _OUT_OF_MEMORY) from exc
    except Exception as exc:  # encoders raise OSError, ValueError and worse
        if _tells_no_memory(exc):
            raise ImageRefused(ErrorCode.OUT_OF_MEMORY, _OUT_OF_MEMORY) from exc
        raise PixelsFailed(
            ErrorCode.INTERNAL_ERROR, "A variant could not be written; is the disk full?"
        ) from exc


def truncated() -> ImageRefused:
    """Say that the file ends before its image does."""
    return ImageRefused(
        ErrorCode.TRUNCATED, "The file ends before its image does; send the whole file."
    )


def corrupt() -> ImageRefused:
    """Say that the bytes are not what a writer of such files wrote."""
    return ImageRefused(ErrorCode.CORRUPT, "The file is damaged: its image cannot be decoded.")


def implausible(width: int, height: int, size_bytes: int) -> ImageRefused:
    """Say that there are too few bytes for the declared size."""
    return ImageRefused(
        ErrorCode.TRUNCATED,
        f"The file declares {width} by {height} pixels, which its {size_bytes:,} bytes "
        "cannot hold; send it again whole.",
    )


def unknown_format() -> ImageRefused:
    """Say that the content is of no accepted type."""
    return ImageRefused(
        ErrorCode.UNSUPPORTED_FORMAT,
        "The file is in none of the accepted formats: JPEG, PNG, WebP, AVIF, GIF, TIFF, BMP or, "
        "where enabled, HEIC.",
    )


def heic_is_off() -> ImageRefused:
    """Say that HEIC is an image that this installation does not decode."""
    return ImageRefused(ErrorCode.UNSUPPORTED_FORMAT, HEIC_IS_OFF)


def too_many_bytes(size_bytes: int, limit: int) -> ImageRefused:
    """Say that the file is too long to be looked at."""
    return ImageRefused(
        ErrorCode.TOO_MANY_BYTES,
        f"The file has {size_bytes:,} bytes; at most {limit:,} are accepted.",
    )


def too_many_pixels(width: int, height: int, limit: int) -> ImageRefused:
    """Say that the image is too large."""
    return ImageRefused(
        ErrorCode.TOO_MANY_PIXELS,
        f"The image has {width} by {height} pixels; at most {limit:,} are accepted.",
    )


def too_many_frames(limit: int) -> ImageRefused:
    """Say that the animation is too long."""
    return ImageRefused(
        ErrorCode.TOO_MANY_FRAMES, f"The animation has more than {limit:,} frames; shorten it."
    )


def endless_scans() -> ImageRefused:
    """Say that a progressive JPEG was made to take minutes."""
    return ImageRefused(
        ErrorCode.CORRUPT, "The JPEG repeats its scans more often than any encoder does."
    )


def _tells_no_memory(error: Exception) -> bool:
    text = str(error).lower()
    return any(word in text for word in _NO_MEMORY) or text == _WEBP_WRITER_HAS_NO_MEMORY
