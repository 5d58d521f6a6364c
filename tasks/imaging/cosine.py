"""The discrete cosine transform of small planes, in plain Python.

The planes here are of a few hundred numbers and few of their frequencies are wanted, so a library
for it would cost more to load than it saves. It must not know what the numbers mean.
"""

from collections.abc import Sequence
from functools import cache
from math import cos, pi
from operator import mul

Plane = Sequence[Sequence[float]]  # rows of equal length


@cache
def waves(length: int, count: int) -> tuple[tuple[float, ...], ...]:
    """Return the first `count` cosines (DCT-II), each sampled at `length` places."""
    return tuple(
        tuple(cos(pi / length * frequency * (place + 0.5)) for place in range(length))
        for frequency in range(count)
    )


def spectrum(plane: Plane, across: int, down: int) -> list[list[float]]:
    """Return the mean of the plane times each wave: `down` rows of `across` frequencies."""
    height, width = len(plane), len(plane[0])
    lines = [[sum(map(mul, row, wave)) for row in plane] for wave in waves(width, across)]
    area = width * height
    return [[sum(map(mul, line, wave)) / area for line in lines] for wave in waves(height, down)]
