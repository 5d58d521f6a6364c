"""Find the number at which an encoder's file is as small as the policy allows.

A target score is looked for on a sample of the picture: a try costs a few hundredths of the
encoding. The file itself is then written once. It must not know files, or other formats' results.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO

from PIL import Image

from tasks.imaging.calibration import CALIBRATIONS
from tasks.imaging.encode import (
    can_be_lossless,
    encode,
    encode_in_a_hurry,
    encode_lossless,
    has_few_colours,
)
from tasks.imaging.likeness import Likeness
from tasks.imaging.preset import ByteBudget, Encoding, FixedQuality, TargetQuality
from tasks.imaging.sniff import ImageFormat
from tasks.imaging.tiles import Sample, sample
from tasks.imaging.verify import Meant

_LOSSLESS_SCORE = 100.0
_BUDGET_TRIES = 7  # halve 100 numbers down to one
_MORE_TRIES = 2  # after the first; photographs seldom need the second of them
_BEND = 2  # a measured slope further than this from the usual one is noise


@dataclass(frozen=True, slots=True)
class Encoded:
    """A file. `quality` is None when it is lossless, `score` where none was measured."""

    data: bytes
    quality: int | None
    score: float | None


@dataclass(frozen=True, slots=True)
class Hint:
    """What may be known before: the number that served a larger size, the bytes not to exceed."""

    quality: int | None = None
    ceiling_bytes: int | None = None


class Subject:
    """A picture to be encoded, in several formats: what they can share is made once.

    `picture` is bare pixels: L, RGB or RGBA.
    """

    def __init__(self, picture: Image.Image) -> None:
        self.picture = picture

    @cached_property
    def meant(self) -> Meant:
        """What each file that is written of it must show."""
        return Meant.of(self.picture)

    @cached_property
    def few_colours(self) -> bool:
        """Whether it is a drawing that a palette can hold."""
        return has_few_colours(self.picture)

    @cached_property
    def sample(self) -> Sample | None:
        """The part that stands for all of it; what is transparent is looked at on grey."""
        return sample(_opaque(self.picture))

    @cached_property
    def likeness(self) -> Likeness | None:
        """The measure, ready to compare encodings of the sample."""
        return Likeness(self.sample) if self.sample is not None else None

    def score_of(self, found: Image.Image, image_format: ImageFormat) -> float | None:
        """Return how a decoded file looks, measured where the sample is; None without one."""
        if self.sample is None or self.likeness is None:
            return None
        part = self.sample.of(_opaque(found))
        return self.likeness.score(part, CALIBRATIONS[image_format].weights)


def encode_to_quality(subject: Subject, encoding: Encoding, hint: Hint) -> Encoded:
    """Return the smallest file that the encoding's policy allows."""
    if encoding.format is ImageFormat.PNG:
        return _lossless(subject, encoding)
    found = _lossy(subject, encoding, hint)
    if hint.ceiling_bytes is not None and len(found.data) > hint.ceiling_bytes:
        found = _lowered(found, subject, encoding, max_bytes=hint.ceiling_bytes)
    if encoding.lossless_graphics and can_be_lossless(encoding.format) and subject.few_colours:
        lossless = _lossless(subject, encoding)
        return lossless if len(lossless.data) <= len(found.data) else found
    return found


def _lossless(subject: Subject, encoding: Encoding) -> Encoded:
    return Encoded(
        encode_lossless(subject.picture, encoding.format, effort=encoding.effort),
        None,
        _LOSSLESS_SCORE,
    )


def _lossy(subject: Subject, encoding: Encoding, hint: Hint) -> Encoded:
    match encoding.quality:
        case FixedQuality(quality):
            return Encoded(_encode(subject, encoding, quality), quality, None)
        case TargetQuality() as target:
            quality, score = search(subject, encoding.format, target, start=hint.quality)
            return Encoded(_encode(subject, encoding, quality), quality, score)
        case ByteBudget(max_bytes, low, high):
            return _fitted(subject, encoding, max_bytes, bounds=(low, high))


def _lowered(found: Encoded, subject: Subject, encoding: Encoding, *, max_bytes: int) -> Encoded:
    """Lower the quality, within its bounds, of a file that became larger than its source."""
    quality = encoding.quality
    if isinstance(quality, FixedQuality) or found.quality is None or found.quality <= quality.low:
        return found
    return _fitted(subject, encoding, max_bytes, bounds=(quality.low, found.quality))


def _fitted(
    subject: Subject, encoding: Encoding, max_bytes: int, *, bounds: tuple[int, int]
) -> Encoded:
    """Return the best file of at most so many bytes; the smallest allowed if none is so small."""
    low, high = bounds
    best, data = low, None
    for _ in range(_BUDGET_TRIES):
        if low > high:
            break
        middle = (low + high + 1) // 2
        tried = _encode(subject, encoding, middle)
        if len(tried) <= max_bytes:
            best, data, low = middle, tried, middle + 1
        else:
            high = middle - 1
    data = _encode(subject, encoding, best) if data is None else data
    return Encoded(data, best, measure_of(subject, encoding.format)(best))


def search(
    subject: Subject, image_format: ImageFormat, target: TargetQuality, *, start: int | None
) -> tuple[int, float | None]:
    """Return the number that should meet the target, and the score that it gives.

    A straight line through what is known says where to go next. From a score within the tolerance
    the step is so small that it needs no proof; a larger size's answer is mostly that near.
    """
    calibration, measure = CALIBRATIONS[image_format], measure_of(subject, image_format)
    slope = calibration.points_per_step
    quality = _bounded(calibration.start if start is None else start, target)
    score = measure(quality)
    if score is None:
        return quality, None
    for _ in range(_MORE_TRIES):
        following = _bounded(quality + (target.score - score) / slope, target)
        if abs(target.score - score) <= target.tolerance or following == quality:
            break
        tried = measure(following) or score
        found = (tried - score) / (following - quality)
        slope = max(slope / _BEND, min(slope * _BEND, found))
        quality, score = following, tried
    following = _bounded(quality + (target.score - score) / slope, target)
    return following, score + (following - quality) * slope


def _bounded(quality: float, target: TargetQuality) -> int:
    return max(target.low, min(target.high, round(quality)))


def measure_of(subject: Subject, image_format: ImageFormat) -> Callable[[int], float | None]:
    """Return a function from a number to the score of the sample that is encoded with it."""
    weights = CALIBRATIONS[image_format].weights

    def score(quality: int) -> float | None:
        if subject.likeness is None or subject.sample is None:
            return None
        data = encode_in_a_hurry(subject.sample.picture, image_format, quality)
        with Image.open(BytesIO(data), formats=[image_format.value]) as decoded:
            return subject.likeness.score(decoded, weights)

    return score


def _encode(subject: Subject, encoding: Encoding, quality: int) -> bytes:
    return encode(subject.picture, encoding.format, quality, effort=encoding.effort)


def _opaque(picture: Image.Image) -> Image.Image:
    if picture.mode != "RGBA":
        return picture if picture.mode == "RGB" else picture.convert("RGB")
    ground = Image.new("RGB", picture.size, (128, 128, 128))
    ground.paste(picture, mask=picture)
    return ground
