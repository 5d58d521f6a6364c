"""Find the number at which an animation's file is as small as the policy allows.

The number is looked for as for a still image, on a sheet of a few frames. The animation is then
written and looked at: what encoders save between frames can cost more than the sheet foretells.
It must not know files, or other formats' results.
"""

from dataclasses import dataclass
from functools import cached_property

from PIL import Image

from tasks.imaging.animation.encode import Whole, encode_moving
from tasks.imaging.animation.frame_store import Scene
from tasks.imaging.animation.verify import MeantToMove, pictures_at
from tasks.imaging.encode.encoders import encode, encode_in_a_hurry, encode_lossless
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.presets.model import ByteBudget, Encoding, FixedQuality, TargetQuality
from tasks.imaging.quality.calibration import CALIBRATIONS
from tasks.imaging.quality.search import (
    LOSSLESS_SCORE,
    Encoded,
    Hint,
    Subject,
    is_worth_having,
    lowest,
    search,
)

_SHOWN = 4  # frames on the sheet, the last one too: there, what was left out has added up
_LOSS = 2.0  # points below the foretold score from which on it is worth another encoding
_CORRECTIONS = 2  # further encodings to meet a score
_ROUNDS = 3  # encodings to meet a size
_NEAR = 0.9  # a file of so much of its budget is near enough


class MovingSubject:
    """An animation to be encoded, in several formats: what they can share is made once."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        last, shown = len(scene) - 1, min(_SHOWN, len(scene))
        self._numbers = [number * last // max(1, shown - 1) for number in range(shown)]

    @cached_property
    def meant(self) -> MeantToMove:
        """What each file that is written of it must show."""
        return MeantToMove.of(self.scene)

    @cached_property
    def sheet(self) -> Subject:
        """A few of its frames, one above the other."""
        return Subject(_stacked([self.scene.picture(number) for number in self._numbers]))

    def score(self, data: bytes, image_format: ImageFormat) -> float | None:
        """Return how those frames look in a file, None where the image is too small."""
        moments = tuple(self.scene.starts[number] for number in self._numbers)
        found = [each.convert("RGBA") for each in pictures_at(data, image_format, moments)]
        return self.sheet.score_of(_stacked(found), image_format)


def encode_moving_to_quality(subject: MovingSubject, encoding: Encoding, hint: Hint) -> Encoded:
    """Return the smallest file that the encoding's policy allows; WebP and AVIF only."""
    take = _Take(subject, encoding)
    match encoding.quality:
        case FixedQuality(quality):
            found = take.at(quality)
        case TargetQuality() as target:
            found = _to_score(take, target, start=hint.quality)
        case ByteBudget(max_bytes, low, high):
            middle = max(low, min(high, hint.quality or CALIBRATIONS[encoding.format].start))
            found = _fitted(take, take.at(middle), max_bytes, bounds=(low, high))
    low, high, ceiling = lowest(encoding.quality), found.quality or 0, hint.ceiling_bytes
    if ceiling is not None and len(found.data) > ceiling and high > low:
        # It became larger than its source: the quality is lowered, as a still image's is.
        lowered = _fitted(take, found, ceiling, bounds=(low, high))
        found = lowered if is_worth_having(lowered, ceiling) else found
    return take.lossless_if_smaller(found)


@dataclass(slots=True)
class _Take:
    """Encodes one animation in one format; remembers whether whole images were needed."""

    subject: MovingSubject
    encoding: Encoding
    whole: Whole = Whole.SOMETIMES

    def at(self, quality: int) -> Encoded:
        """Return the file at a number, with its measured score."""
        found = self._encoded(quality)
        if self.encoding.format is ImageFormat.WEBP and self.whole is Whole.SOMETIMES:
            foretold = self.subject.sheet.score_at(quality, self.encoding.format)
            if _lost(foretold, found.score) > _LOSS:
                self.whole = Whole.ALWAYS
                return self._encoded(quality)
        return found

    def expected_bytes(self, quality: int) -> int:
        """Return a number of bytes that rises with the quality as the file's does."""
        sample = self.subject.sheet.sample
        picture = self.subject.sheet.picture if sample is None else sample.picture
        return len(encode_in_a_hurry(picture, self.encoding.format, quality))

    def lossless_if_smaller(self, found: Encoded) -> Encoded:
        """Return a file without loss for drawings that get smaller that way."""
        sheet, encoding = self.subject.sheet, self.encoding
        wanted = encoding.lossless_graphics and encoding.format is ImageFormat.WEBP
        if not wanted or found.quality is None or not sheet.few_colours:
            return found
        still = len(encode(sheet.picture, encoding.format, found.quality, effort=encoding.effort))
        if len(encode_lossless(sheet.picture, encoding.format)) > still:
            return found
        data = encode_moving(self.subject.scene, encoding.format, None)
        return found if len(found.data) < len(data) else Encoded(data, None, LOSSLESS_SCORE)

    def _encoded(self, quality: int) -> Encoded:
        encoding = self.encoding
        data = encode_moving(
            self.subject.scene, encoding.format, quality, effort=encoding.effort, whole=self.whole
        )
        return Encoded(data, quality, self.subject.score(data, encoding.format))


def _to_score(take: _Take, target: TargetQuality, *, start: int | None) -> Encoded:
    """Foretell the number, then put it right by what the file really shows."""
    sheet, image_format = take.subject.sheet, take.encoding.format
    quality, _ = search(sheet, image_format, target, start=start)
    found = take.at(quality)
    for _ in range(_CORRECTIONS):
        short = _lost(target.score, found.score)
        if abs(short) <= target.tolerance:
            break
        better = quality + round(short / CALIBRATIONS[image_format].points_per_step)
        better = max(target.low, min(target.high, better))
        if better == quality:
            break
        quality, found = better, take.at(better)
    return found


def _fitted(take: _Take, found: Encoded, max_bytes: int, *, bounds: tuple[int, int]) -> Encoded:
    """Return a file of at most this size, close to it; at the lowest number if none fits."""
    best = found if len(found.data) <= max_bytes else None
    for _ in range(_ROUNDS):
        if _NEAR * max_bytes <= len(found.data) <= max_bytes:
            break
        quality = _scaled(take, found, max_bytes, bounds=bounds)
        if quality == found.quality:
            break
        found = take.at(quality)
        if len(found.data) <= max_bytes and (best is None or len(best.data) < len(found.data)):
            best = found
    return best or (found if found.quality == bounds[0] else take.at(bounds[0]))


def _scaled(take: _Take, found: Encoded, max_bytes: int, *, bounds: tuple[int, int]) -> int:
    """Return the highest number whose file should fit, judged by what stills need."""
    low, high = bounds
    if found.quality is None:
        return low
    allowed = take.expected_bytes(found.quality) * max_bytes / len(found.data)
    while low < high:
        middle = (low + high + 1) // 2
        if take.expected_bytes(middle) <= allowed:
            low = middle
        else:
            high = middle - 1
    return low


def _lost(wanted: float | None, found: float | None) -> float:
    return 0.0 if wanted is None or found is None else wanted - found


def _stacked(pictures: list[Image.Image]) -> Image.Image:
    width, height = pictures[0].size
    sheet = Image.new(pictures[0].mode, (width, height * len(pictures)))
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (0, number * height))
    return sheet
