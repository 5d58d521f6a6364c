"""The discrete cosine transform (DCT-II) of small planes, of which few frequencies are wanted.

It must not know what the numbers mean.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from tasks.imaging.web.dct_waves import waves

Plane = npt.NDArray[np.float64]  # rows by columns


def spectrum(plane: Plane, across: int, down: int) -> Plane:
    """Return the mean of the plane times each wave: `down` rows of `across` frequencies."""
    height, width = plane.shape
    # No matrix product: the library behind it would reserve tens of megabytes for its threads.
    lines = np.einsum("yx,ax->ya", plane, _waves(width, across))
    found: Plane = np.einsum("ya,dy->da", lines, _waves(height, down)) / plane.size
    return found


@cache
def _waves(length: int, count: int) -> Plane:
    return np.array(waves(length, count))
