"""Read a written animation back, frame by frame, before it is announced."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from PIL import Image

from infra.contract.errors import ErrorCode, PixelsFailed
from tasks.imaging.animation.frame_store import Scene
from tasks.imaging.encode.verify import Meant, Proof
from tasks.imaging.formats.detect import HEADER_BYTES, ImageFormat, sniff


@dataclass(frozen=True, slots=True)
class MeantToMove:
    """The animation that a file should show, for all files that show the same one.

    `starts` and `end` are in milliseconds; `looks` has one for each start.
    """

    size: tuple[int, int]
    looks: tuple[Meant, ...]
    starts: tuple[int, ...]
    end: int

    @classmethod
    def of(cls, scene: Scene) -> "MeantToMove":
        """Remember the times, and how each frame looks from afar."""
        looks = tuple(Meant.of(scene.picture(number)) for number in range(len(scene)))
        return cls(looks[0].size, looks, tuple(scene.starts), sum(scene.milliseconds))


def verify_moving(path: Path, expected: ImageFormat, meant: MeantToMove) -> Proof:
    """Decode the file in full; raise `PixelsFailed` unless it is the animation that was meant.

    That is: each image at its time, for as long as was meant. An encoder may hold a frame
    longer instead of writing the next one that looks the same, so there may be fewer frames.
    """
    data = path.read_bytes()
    with Image.open(BytesIO(data), formats=[expected.value]) as image:
        is_meant = image.size == meant.size and _shows(image, meant)
        count: int = getattr(image, "n_frames", 1)
    if not is_meant or sniff(data[:HEADER_BYTES]) is not expected:
        raise PixelsFailed(
            ErrorCode.INTERNAL_ERROR, f"The encoder wrote another animation than {path.name}."
        )
    return Proof(len(data), sha256(data).hexdigest(), count)


def pictures_at(
    data: bytes, image_format: ImageFormat, starts: tuple[int, ...]
) -> Iterator[Image.Image]:
    """Yield what an animation shows at some moments, given in order, in milliseconds."""
    with Image.open(BytesIO(data), formats=[image_format.value]) as image:
        end = 0
        wanted = iter(starts)
        moment = next(wanted, None)
        for milliseconds in _played(image, last=starts[-1] + 1):
            end += milliseconds
            while moment is not None and moment < end:
                yield image.copy()
                moment = next(wanted, None)


def _played(image: Image.Image, *, last: int) -> Iterator[int]:
    """Load one frame after the other; yield how long each is shown.

    A file of which only one frame is left is a still image, which says no time: until `last`.
    """
    count: int = getattr(image, "n_frames", 1)
    for number in range(count):
        image.seek(number)
        image.load()
        yield image.info.get("duration", 0) if count > 1 else last


def _shows(image: Image.Image, meant: MeantToMove) -> bool:
    """Whether each frame is what is meant at its time, and at each time that is another one."""
    begin, seen = 0, 0
    for milliseconds in _played(image, last=meant.end):
        end = begin + milliseconds
        due = range(seen, bisect_right(meant.starts, end - 1))
        if not due or meant.starts[due[0]] != begin:
            return False
        if not all(meant.looks[each].is_shown_by(image) for each in due):
            return False
        begin, seen = end, due.stop
    return begin == meant.end and seen == len(meant.starts)
