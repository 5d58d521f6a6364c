"""Find the number at which an encoder's file is as small as the policy allows.

A target score is looked for on a sample of the image: a try costs a few hundredths of the
encoding. The file itself is then written once. It must not know files, or other formats' results.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from io import BytesIO

from PIL import Image

from tasks.imaging.encode.encoders import (
    LOSSLESS_FORMATS,
    encode,
    encode_in_a_hurry,
    encode_lossless,
    has_few_colours,
)
from tasks.imaging.encode.verify import Meant
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.presets.model import ByteBudget, Encoding, FixedQuality, Quality, TargetQuality
from tasks.imaging.quality.calibration import CALIBRATIONS
from tasks.imaging.quality.metric import SimilarityMetric
from tasks.imaging.quality.sampling import Sample, sample

LOSSLESS_SCORE = 100.0
_HOPE = 2  # a sample repeats itself less than its image: so much larger, it says nothing yet
_LEAST_FIXED = 25  # of a fixed number that makes a file larger than its source
_BUDGET_TRIES = 7  # halve 100 numbers down to one
_MORE_TRIES = 2  # after the first; photographs seldom need the second of them
_TRUST = 2  # times the tolerance: from so near, what is usual leads to the target
_LEAST_SCORE = 50.0  # "medium" in SSIMULACRA2's own words: below, no saving makes up for the damage
_GROUNDS = ((255, 255, 255), (0, 0, 0))
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


def _on_backgrounds(picture: Image.Image) -> tuple[Image.Image, ...]:
    """Return what viewers see, RGB: one image, or two of one with an alpha channel.

    A soft edge can look right on one ground and torn on another, and the ground of a page is
    unknown. So a transparent image is looked at on a light and on a dark one.
    """
    if picture.mode != "RGBA":
        return (picture if picture.mode == "RGB" else picture.convert("RGB"),)
    seen = tuple(Image.new("RGB", picture.size, ground) for ground in _GROUNDS)
    for each in seen:
        each.paste(picture, mask=picture)
    return seen


class Subject:
    """An image to be encoded, in several formats: what they can share is made once.

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
        """The part that stands for all of it."""
        return sample(self.picture)

    @cached_property
    def metrics(self) -> tuple[SimilarityMetric, ...]:
        """The measure, ready to compare encodings of the sample, for each ground it is seen on."""
        if self.sample is None:
            return ()
        seen = _on_backgrounds(self.sample.picture)
        return tuple(SimilarityMetric(replace(self.sample, picture=each)) for each in seen)

    def score_of(self, found: Image.Image, image_format: ImageFormat) -> float | None:
        """Return how a decoded file looks, measured where the sample is; None without one."""
        return None if self.sample is None else self._score(self.sample.of(found), image_format)

    def score_at(self, quality: int, image_format: ImageFormat) -> float | None:
        """Return how the sample looks that is encoded with a number; None without one."""
        if self.sample is None:
            return None
        data = encode_in_a_hurry(self.sample.picture, image_format, quality)
        with Image.open(BytesIO(data), formats=[image_format.value]) as decoded:
            return self._score(decoded, image_format)

    def _score(self, part: Image.Image, image_format: ImageFormat) -> float:
        """Return how it looks on the ground where it looks worst."""
        weights = CALIBRATIONS[image_format].weights
        # A file may have no alpha channel where the sample's hides nothing, or the other way round.
        seen = _on_backgrounds(part.convert("RGB" if len(self.metrics) == 1 else "RGBA"))
        return min(
            metric.score(each, weights) for metric, each in zip(self.metrics, seen, strict=True)
        )


def encode_to_quality(subject: Subject, encoding: Encoding, hint: Hint) -> Encoded:
    """Return the smallest file that the encoding's policy allows."""
    if encoding.format is ImageFormat.PNG:
        return _lossless(subject, encoding)
    match encoding.quality:
        case FixedQuality(quality):
            found = Encoded(_encode(subject, encoding, quality), quality, None)
        case TargetQuality() as target:
            quality, score = search(subject, encoding.format, target, start=hint.quality)
            found = Encoded(_encode(subject, encoding, quality), quality, score)
        case ByteBudget(max_bytes, low, high):
            found = _fitted(subject, encoding, max_bytes, bounds=(low, high))
    low, high, ceiling = lowest(encoding.quality), found.quality or 0, hint.ceiling_bytes
    if ceiling is not None and len(found.data) > ceiling and high > low:
        # It became larger than its source. It stays as it was where it cannot get so small, or
        # would look bad: what the source keeps in few bytes, in a palette or as AVIF, a simpler
        # format may not.
        lowered = _fitted(subject, encoding, ceiling, bounds=(low, high - 1))
        found = lowered if is_worth_having(lowered, ceiling) else found
    if _may_be_better_lossless(found, subject, encoding):
        lossless = _lossless(subject, encoding)
        return lossless if len(lossless.data) <= len(found.data) else found
    return found


def _may_be_better_lossless(found: Encoded, subject: Subject, encoding: Encoding) -> bool:
    """Whether a file without loss is worth its CPU: black-and-white photographs have few colours,
    too, and their sample tells.
    """
    wanted = encoding.lossless_graphics and encoding.format in LOSSLESS_FORMATS
    if not wanted or not subject.few_colours:
        return False
    if subject.sample is None or found.quality is None:
        return True
    picture, image_format = subject.sample.picture, encoding.format
    lossy = encode_in_a_hurry(picture, image_format, found.quality)
    return len(encode_lossless(picture, image_format)) <= len(lossy) * _HOPE


def _lossless(subject: Subject, encoding: Encoding) -> Encoded:
    return Encoded(
        encode_lossless(subject.picture, encoding.format, effort=encoding.effort),
        None,
        LOSSLESS_SCORE,
    )


def lowest(policy: Quality) -> int:
    """Return the least number that a policy allows for a file that must become smaller."""
    return _LEAST_FIXED if isinstance(policy, FixedQuality) else policy.low


def is_worth_having(lowered: Encoded, max_bytes: int) -> bool:
    """Whether a file of lowered quality is as small as it should be, and no eyesore."""
    looks_well = lowered.score is None or lowered.score >= _LEAST_SCORE
    return looks_well and len(lowered.data) <= max_bytes


def _fitted(
    subject: Subject, encoding: Encoding, max_bytes: int, *, bounds: tuple[int, int]
) -> Encoded:
    """Return the best file of at most this size; the smallest allowed if none is so small."""
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
    return Encoded(data, best, subject.score_at(best, encoding.format))


def search(
    subject: Subject, image_format: ImageFormat, target: TargetQuality, *, start: int | None
) -> tuple[int, float | None]:
    """Return the number that should meet the target, and the score that it gives.

    A straight line through what is known says where to go next. From a score within twice the
    tolerance the step is so small that it needs no proof: to try it, too, changed nothing in how
    far the true scores lay from the target (over the benchmark's images, by SSIMULACRA2). So one
    try is mostly enough, where a larger size's answer is known.
    """
    calibration = CALIBRATIONS[image_format]
    slope = calibration.points_per_step
    near = target.tolerance * _TRUST
    quality = _bounded(calibration.start if start is None else start, target)
    score = subject.score_at(quality, image_format)
    if score is None:
        return quality, None
    for _ in range(_MORE_TRIES):
        following = _bounded(quality + (target.score - score) / slope, target)
        if abs(target.score - score) <= near or following == quality:
            break
        tried = subject.score_at(following, image_format) or score
        found = (tried - score) / (following - quality)
        slope = max(slope / _BEND, min(slope * _BEND, found))
        quality, score = following, tried
    following = _bounded(quality + (target.score - score) / slope, target)
    return following, score + (following - quality) * slope


def _bounded(quality: float, target: TargetQuality) -> int:
    return max(target.low, min(target.high, round(quality)))


def _encode(subject: Subject, encoding: Encoding, quality: int) -> bytes:
    return encode(subject.picture, encoding.format, quality, effort=encoding.effort)
