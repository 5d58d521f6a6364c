"""Turn whatever Pillow and its libraries raise into this project's errors.

Decoders raise almost anything on damaged bytes (SyntaxError, struct.error, IndexError, …), so
this is the one place that catches everything. It must not know the pipeline's steps.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from infra.errors import ErrorCode, ImageRefused, PixelsFailed, ProductImagesError

_OUT_OF_MEMORY = "This picture needs more memory than one picture may use."


@contextmanager
def reading() -> Iterator[None]:
    """Around all that depends on the source's bytes: any failure refuses the picture."""
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
            ErrorCode.TOO_MANY_PIXELS, "The picture declares more pixels than any camera makes."
        ) from exc
    except Exception as exc:  # decoders raise anything on damaged bytes
        raise _refusal(exc) from exc


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
        raise PixelsFailed(
            ErrorCode.INTERNAL_ERROR, "A variant could not be written; is the disk full?"
        ) from exc


def truncated() -> ImageRefused:
    """Say that the file ends before its picture does."""
    return ImageRefused(
        ErrorCode.TRUNCATED, "The file ends before its picture does; send it again whole."
    )


def corrupt() -> ImageRefused:
    """Say that the bytes are not what a writer of such files wrote."""
    return ImageRefused(ErrorCode.CORRUPT, "The file is damaged: its picture cannot be decoded.")


def _refusal(error: Exception) -> ImageRefused:
    text = str(error).lower()
    if "out of memory" in text:
        return ImageRefused(ErrorCode.OUT_OF_MEMORY, _OUT_OF_MEMORY)
    if "truncated" in text:
        return truncated()
    return corrupt()
