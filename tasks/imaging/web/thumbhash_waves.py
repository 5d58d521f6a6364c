"""Which waves a ThumbHash keeps, in which order: what writing and drawing one have in common.

By Evan Wallace's description of the format (MIT licence). It must not know pixels.
"""

from collections.abc import Iterator

FEWEST_WAVES = 3
COLOUR_WAVES = 3  # along either side, for the colour differences
ALPHA_WAVES = 5


def most_waves(*, has_alpha: bool) -> int:
    """Return how many waves of lightness lie along the longer side."""
    return 5 if has_alpha else 7


def triangle(across: int, down: int) -> Iterator[tuple[int, int]]:
    """Yield the waves that are kept, as (across, down), in the order of the format.

    They are those under the diagonal, without the first, which is the mean.
    """
    for y in range(down):
        x = 0 if y else 1
        while x * down < across * (down - y):
            yield x, y
            x += 1
