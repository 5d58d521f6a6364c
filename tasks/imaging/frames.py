"""The frames of an animation, one after the other, each as a viewer sees it.

Pillow lays each frame over the ones before, as the file's disposal methods say. It must not know
how an animation is written, or whether a preset wants one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from tasks.imaging.colour import to_srgb
from tasks.imaging.facts import SourceFacts
from tasks.imaging.plain import plain
from tasks.imaging.plan import Plan
from tasks.imaging.preset import Animated, Animation
from tasks.imaging.sizes import Size

_MOVING = frozenset({"GIF", "PNG", "WEBP", "AVIF"})  # pages of a TIFF do not move
_BROWSERS_MILLISECONDS = 100  # how long browsers show a frame that states less than the next line
_SHORTEST_MILLISECONDS = 11


@dataclass(frozen=True, slots=True)
class Frame:
    """One whole picture (RGBA, sRGB, at the source's size) and how long it is shown."""

    picture: Image.Image
    milliseconds: int


def is_moving(facts: SourceFacts, animation: Animation) -> bool:
    """Whether the source is an animation that the policy wants as one.

    A longer one than the policy allows is shown as its first frame, not cut in the middle.
    """
    return (
        isinstance(animation, Animated)
        and 1 < facts.frames <= animation.max_frames
        and facts.seconds <= animation.max_seconds
    )


def frames(image: Image.Image, animation: Animation) -> Iterator[Frame]:
    """Yield the frames of an opened picture; one only, unless the policy wants an animation.

    Each is a copy of its own, so that a consumer who shrinks them one by one holds one large
    picture at a time. Frames that are missing or damaged raise like any damaged picture.
    """
    for number in _numbers(image, animation):
        image.seek(number)
        image.load()
        yield Frame(_whole(image), _milliseconds(image))


def _numbers(image: Image.Image, animation: Animation) -> range:
    if not isinstance(animation, Animated) or image.format not in _MOVING:
        return range(1)
    # The still picture of an APNG is for viewers that know no animation.
    first = 1 if getattr(image, "default_image", False) else 0
    count: int = getattr(image, "n_frames", 1)
    return range(first, min(count, first + animation.max_frames))


def _whole(image: Image.Image) -> Image.Image:
    copied = image.copy()
    copied.info = dict(image.info)
    asis = Plan(Size(*image.size), 1)  # nothing is turned or resized here
    return to_srgb(plain(copied, asis), asis).convert("RGBA")


def _milliseconds(image: Image.Image) -> int:
    stated = round(image.info.get("duration", 0))
    return stated if stated >= _SHORTEST_MILLISECONDS else _BROWSERS_MILLISECONDS
