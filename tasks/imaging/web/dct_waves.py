"""The waves of the discrete cosine transform (DCT-II), in plain Python.

Who draws a placeholder needs a few of them, and loads no numpy for that. It must not know what the
numbers mean.
"""

from functools import cache
from math import cos, pi


@cache
def waves(length: int, count: int) -> tuple[tuple[float, ...], ...]:
    """Return the first `count` cosines, each sampled at `length` places."""
    return tuple(
        tuple(cos(pi / length * frequency * (place + 0.5)) for place in range(length))
        for frequency in range(count)
    )
