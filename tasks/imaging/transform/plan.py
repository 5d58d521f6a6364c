"""What the steps of one image share: how large it becomes, how it must still be turned, and
what it may say of its maker.
"""

from dataclasses import dataclass

from tasks.imaging.models import NO_NOTICE, Notice
from tasks.imaging.presets.model import Preset
from tasks.imaging.transform.geometry import plan_sizes
from tasks.imaging.transform.sizes import Size

_QUARTER_TURNS = frozenset({5, 6, 7, 8})


@dataclass(frozen=True, slots=True)
class Plan:
    """`size` is upright; `orientation` is the EXIF value that the pixels still have to follow.

    `notice` is what the variants say besides their pixels; empty unless the preset wants it.
    """

    size: Size
    orientation: int
    notice: Notice = NO_NOTICE

    @property
    def stored_size(self) -> Size:
        """The size as the pixels lie now: EXIF orientations 5 to 8 lie on their side."""
        return turned(self.size, self.orientation)


def plan_shrinking(
    preset: Preset, source: Size, orientation: int, *, notice: Notice = NO_NOTICE
) -> Plan:
    """Plan what follows, from the upright size of the decoded and trimmed image."""
    return Plan(plan_sizes(preset, source)[0].whole, orientation, notice)


def turned(size: Size, orientation: int) -> Size:
    """Return an upright size as it is stored, or a stored one upright."""
    return Size(size.height, size.width) if is_sideways(orientation) else size


def is_sideways(orientation: int) -> bool:
    """Whether following the EXIF orientation swaps width and height."""
    return orientation in _QUARTER_TURNS
