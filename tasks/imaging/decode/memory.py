"""Tell an image that did not fit from a damaged one.

Under a memory limit some decoders fail as if the file were broken. It must not know what a
image is, only how many pixels were to be decoded.
"""

import math
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.contract.errors import ProductImagesError

# Measured with 50 megapixels: WebP takes 16 (two canvases, the frame and the result), AVIF with
# alpha 13, HEIC 10, print colours and progressive JPEG 8, the others at most 7.
_BYTES_PER_PIXEL = 16
_STATM = Path("/proc/self/statm")


@contextmanager
def told_from_damage(pixels: int) -> Iterator[None]:
    """Around decoding: a failure is a `MemoryError` where the pixels may not have fitted."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    room = math.inf  # of the address space, what this process may still take
    if limit != resource.RLIM_INFINITY:
        pages = int(_STATM.read_text(encoding="ascii").split()[0])
        room = limit - pages * resource.getpagesize()
    try:
        yield
    except (MemoryError, ProductImagesError):
        raise
    except Exception as exc:  # decoders raise anything
        if pixels * _BYTES_PER_PIXEL > room:
            raise MemoryError from exc
        raise
