"""Decide how large the variants of a source become. It must not know pixels or formats."""

from dataclasses import dataclass

MAX_SIDE_PX = 16_383  # what WebP can hold; the other formats hold more


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels, both at least 1."""

    width: int
    height: int


def plan_sizes(source: Size, widths: tuple[int, ...]) -> tuple[Size, ...]:
    """Return the sizes for a source, widest first, none wider than the source, none twice.

    A source narrower than a wanted width gives its own width instead; one too tall for the
    formats gives the widest that fits.
    """
    widest = max(1, min(source.width, source.width * MAX_SIDE_PX // source.height))
    chosen = sorted({min(width, widest) for width in widths}, reverse=True)
    return tuple(Size(width, _height(width, source)) for width in chosen)


def _height(width: int, source: Size) -> int:
    rounded = (width * source.height + source.width // 2) // source.width
    return min(MAX_SIDE_PX, max(1, rounded))
