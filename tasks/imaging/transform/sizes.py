"""What sizes are, and what one output of a preset is planned to be. No pixels, no arithmetic."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels, both at least 1."""

    width: int
    height: int

    @property
    def pixels(self) -> int:
        """The area."""
        return self.width * self.height


@dataclass(frozen=True, slots=True)
class Target:
    """One size of variants.

    `stem` is what their names begin with, like `w800` or `b2000x2000`. `size` is what the files
    get. `whole` is the size that the whole image is brought to first; then it is cut to `size`
    (cover), laid on it (pad) or stretched to it (stretch), or it is `size` already (inside).
    """

    stem: str
    size: Size
    whole: Size
