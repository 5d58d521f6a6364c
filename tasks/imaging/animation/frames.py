"""The frames of an animation, one after the other, each as a viewer sees it.

Pillow lays each frame over the ones before, as the file's disposal methods say. It must not know
how an animation is written.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from tasks.imaging.checks.frame_count import shown_seconds
from tasks.imaging.decode.memory import told_from_damage
from tasks.imaging.decode.source import Original
from tasks.imaging.errors import too_many_pixels, truncated
from tasks.imaging.formats.avif_sequence import sequence_plays
from tasks.imaging.models import SourceFacts
from tasks.imaging.presets.model import Animated, Animation

_MOVING = frozenset({"GIF", "PNG", "WEBP", "AVIF"})  # pages of a TIFF do not move
_PIXELS_PER_MEGAPIXEL = 1_000_000
_FOR_EVER = 0
_MOST_PLAYS = 65_535  # what a WebP can say


@dataclass(frozen=True, slots=True)
class Frame:
    """One whole image, as it was stored, and how long it is shown.

    The image is lent: the next frame is drawn into the same pixels.
    """

    picture: Image.Image
    milliseconds: int


def is_moving(facts: SourceFacts, animation: Animation) -> bool:
    """Whether the source is an animation that the policy wants as one.

    A longer one than the policy allows is shown as its first frame, not cut in the middle.
    """
    if not isinstance(animation, Animated) or facts.frames <= 1:
        return False
    pixels = facts.width * facts.height * facts.frames
    return (
        facts.frames <= animation.max_frames
        and facts.seconds <= animation.max_seconds
        and pixels <= animation.max_megapixels * _PIXELS_PER_MEGAPIXEL
    )


def frames(image: Image.Image, count: int, *, max_pixels: int) -> Iterator[Frame]:
    """Yield the `count` frames that an opened image was found to hold.

    Frames that are missing or damaged raise like any damaged image. A frame that reaches beyond
    the first one's edges is cut there; beyond `max_pixels` it raises `ImageRefused`.
    """
    size = image.size
    # The still image of an APNG is for viewers that know no animation.
    first = 1 if getattr(image, "default_image", False) and count > 1 else 0
    there: int = getattr(image, "n_frames", 1)
    if image.format == "PNG" and 1 < count < there - first:  # it was declared, and not found
        raise truncated()
    numbers = range(first, min(there, first + count)) if image.format in _MOVING else range(1)
    for number in numbers:
        image.seek(number)
        if image.width * image.height > max_pixels:  # a GIF's frames may enlarge it, unasked
            raise too_many_pixels(image.width, image.height, max_pixels)
        with told_from_damage(image.width * image.height):
            image.load()
        picture = image if image.size == size else image.crop((0, 0, *size))
        yield Frame(picture, round(shown_seconds(image.info.get("duration", 0) / 1000) * 1000))


def plays(image: Image.Image, original: Original) -> int:
    """Return how often the animation is shown, 0 for without end."""
    if image.format == "AVIF":
        return sequence_plays(original.data)
    stated = image.info.get("loop")
    if image.format == "GIF":  # which says how often it is repeated, or nothing and plays once
        stated = 1 if stated is None else stated and stated + 1
    return stated if isinstance(stated, int) and 0 < stated <= _MOST_PLAYS else _FOR_EVER
