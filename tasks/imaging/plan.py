"""What the steps of one picture share: how large it becomes and how it must still be turned."""

from dataclasses import dataclass

from tasks.imaging.sizes import Size

_QUARTER_TURNS = frozenset({5, 6, 7, 8})


@dataclass(frozen=True, slots=True)
class Plan:
    """`size` is upright; `orientation` is the EXIF value that the pixels still have to follow."""

    size: Size
    orientation: int

    @property
    def stored_size(self) -> Size:
        """The size as the pixels lie now: EXIF orientations 5 to 8 lie on their side."""
        if is_sideways(self.orientation):
            return Size(self.size.height, self.size.width)
        return self.size


def is_sideways(orientation: int) -> bool:
    """Whether following the EXIF orientation swaps width and height."""
    return orientation in _QUARTER_TURNS
