"""Let a pixel process keep the memory that it frees, for its next arrays and images.

Left alone, malloc gives large blocks back to the kernel at once and takes them back, zeroed page by
page, a moment later: comparing one sample so took twice the CPU, and a third of all page faults of
an image were of this kind. It must not know what the memory is for.
"""

import ctypes
from typing import Final

_M_TRIM_THRESHOLD: Final = -1  # of malloc.h: free memory at the heap's end, in bytes, that is kept
_M_MMAP_THRESHOLD: Final = -3  # … and from which size on a block is none of the heap's
_KEPT_BYTES: Final = 64 * 1024 * 1024
_LARGEST_BYTES: Final = 32 * 1024 * 1024  # no larger number is taken


def keep_freed_memory() -> None:
    """Keep up to 64 MiB; does nothing where the C library's malloc has no such setting."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_BYTES)
