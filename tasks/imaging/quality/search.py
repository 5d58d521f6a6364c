"""Find the number at which an encoder's file is as small as the policy allows.

A target score is looked for on a sample of the image: a try costs a few hundredths of the
encoding. The file itself is then written once; what a sample foretells badly is looked at when it
is finished, and written again where it missed. It must not know files, or other formats' results.
"""

from dataclasses import dataclass, field, replace
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
from tasks.imaging.presets.model import (
    ByteBudget,
    Chroma,
    Encoding,
    FixedQuality,
    Quality,
    TargetQuality,
)
from tasks.imaging.quality.calibration import CALIBRATIONS, FINISHED
from tasks.imaging.quality.chroma import suffers_from_shared_colour
from tasks.imaging.quality.metric import SimilarityMetric
from tasks.imaging.quality.sampling import Sample, sample

LOSSLESS_SCORE = 100.0
_CHOOSES_CHROMA = frozenset({ImageFormat.JPEG, ImageFormat.AVIF})
_HOPE = 2  # a sample repeats itself less than its image: so much larger, it says nothing yet
_LEAST_FIXED = 25  # of a fixed number that makes a file larger than its source
_BUDGET_TRIES = 7  # halve 100 numbers down to one
_CORRECTIONS = 2  # further encodings of a file that is looked at when it is finished
_MORE_TRIES = 2  # after the first; photographs seldom need the second of them
_TRUST = 2  # times the tolerance: from so near, what is usual leads to the target
_LEAST_SCORE = 50.0  # "medium" in SSIMULACRA2's own words: below, no saving makes up for the damage
_GROUNDS = ((255, 255, 255), (0, 0, 0))
_BEND = 2  # a measured slope further than this from the usual one is noise


@dataclass(frozen=True, slots=True)
class Encoded:
    """A file. `quality` is None when it is lossless, `score` where none was measured.

    `shown` is what it decodes to, where it was looked at; `next_start` is the number that would
    have met the target better, where that is known: for the next size.
    """

    data: bytes
    quality: int | None
    score: float | None
    shown: Image.Image | None = field(default=None, compare=False, repr=False)
    next_start: int | None = field(default=None, compare=False)


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

    @cached_property
    def suffers_from_shared_colour(self) -> bool:
        """Whether it is seen when neighbouring pixels share a colour, as in red text on white."""
        part = self.picture if self.sample is None else self.sample.picture
        return suffers_from_shared_colour(part)

    def full_colour(self, encoding: Encoding) -> bool:
        """Whether a file in this encoding keeps the colour of each pixel."""
        if encoding.format not in _CHOOSES_CHROMA or encoding.chroma is Chroma.SHARED:
            return False
        return encoding.chroma is Chroma.FULL or self.suffers_from_shared_colour

    def score_of(self, found: Image.Image, image_format: ImageFormat) -> float | None:
        """Return how a decoded file looks, measured where the sample is; None without one."""
        if self.sample is None:
            return None
        return self._score(self.sample.of(found), CALIBRATIONS[image_format].weights)

    def score_at(
        self, quality: int, image_format: ImageFormat, *, full_colour: bool = False
    ) -> float | None:
        """Return how the sample looks that is encoded with a number; None without one."""
        if self.sample is None:
            return None
        picture = self.sample.picture
        data = encode_in_a_hurry(picture, image_format, quality, full_colour=full_colour)
        with Image.open(BytesIO(data), formats=[image_format.value]) as decoded:
            return self._score(decoded, CALIBRATIONS[image_format].weights)

    def _score(self, part: Image.Image, weights: tuple[float, ...]) -> float:
        """Return how it looks on the ground where it looks worst."""
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
            found = _to_score(subject, encoding, target, start=hint.quality)
        case ByteBudget(max_bytes, low, high):
            found = _fitted(subject, encoding, max_bytes, bounds=(low, high))
    low, high, ceiling = lowest(encoding.quality), found.quality or 0, hint.ceiling_bytes
    if ceiling is not None and len(found.data) > ceiling and high > low:
        # It became larger than its source. It stays as it was where it cannot get so small, or
        # would look bad: what the source keeps in few bytes, in a palette or as AVIF, a simpler
        # format may not.
        lowered = _fitted(subject, encoding, ceiling, bounds=(low, high - 1))
        found = lowered if is_worth_having(lowered, ceiling) else found
    if may_be_smaller_lossless(subject, encoding, found.quality):
        lossless = _lossless(subject, encoding)
        return lossless if len(lossless.data) <= len(found.data) else found
    return found


def _to_score(
    subject: Subject, encoding: Encoding, target: TargetQuality, *, start: int | None
) -> Encoded:
    """Return a file that should meet the target; see `search`, and calibration.py on `FINISHED`.

    Where a larger size says where to begin, a sample would not say it better.
    """
    image_format, quality, score = encoding.format, start, None
    is_proven = image_format in FINISHED and subject.sample is not None
    if not is_proven or quality is None:
        full_colour = subject.full_colour(encoding)
        quality, score = search(subject, image_format, target, start=start, full_colour=full_colour)
    if not is_proven:
        return Encoded(_encode(subject, encoding, quality), quality, score)
    tried = [_proven(subject, encoding, target, quality=_bounded(quality, target))]
    for _ in range(_CORRECTIONS):
        last = tried[-1]
        following = last.next_start
        if _missed(last, target) <= target.tolerance or following is None:
            break
        if following in [each.quality for each in tried]:
            break
        tried.append(_proven(subject, encoding, target, quality=following, before=last))
    return min(tried, key=lambda each: _missed(each, target))


def _missed(found: Encoded, target: TargetQuality) -> float:
    return 0.0 if found.score is None else abs(target.score - found.score)


def _proven(
    subject: Subject,
    encoding: Encoding,
    target: TargetQuality,
    *,
    quality: int,
    before: Encoded | None = None,
) -> Encoded:
    """Return a file with the score that it really has; `before` is the last try."""
    data = _encode(subject, encoding, quality)
    with Image.open(BytesIO(data), formats=[encoding.format.value]) as shown:
        shown.load()
    score = subject.score_of(shown, encoding.format)
    if score is None:
        return Encoded(data, quality, None, shown)
    slope = CALIBRATIONS[encoding.format].points_per_step
    if before is not None and before.score is not None and before.quality is not None:
        slope = _bent(slope, (score - before.score) / (quality - before.quality))
    missing = (target.score - score) / slope
    return Encoded(data, quality, score, shown, _bounded(quality + missing, target))


def _bent(usual: float, found: float) -> float:
    """Return a measured slope, as far as it can be believed."""
    return max(usual / _BEND, min(usual * _BEND, found))


def may_be_smaller_lossless(
    subject: Subject, encoding: Encoding, quality: int | None = None
) -> bool:
    """Whether a file without loss is worth its CPU: black-and-white photographs have few colours,
    too, and their sample tells. `quality` is the number of a file with loss, if one is known.
    """
    wanted = encoding.lossless_graphics and encoding.format in LOSSLESS_FORMATS
    if not wanted or not subject.few_colours:
        return False
    if subject.sample is None:
        return True
    picture, image_format = subject.sample.picture, encoding.format
    usual = CALIBRATIONS[image_format].start if quality is None else quality
    lossy = encode_in_a_hurry(picture, image_format, usual)
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
    full_colour = subject.full_colour(encoding)
    return Encoded(data, best, subject.score_at(best, encoding.format, full_colour=full_colour))


def search(
    subject: Subject,
    image_format: ImageFormat,
    target: TargetQuality,
    *,
    start: int | None,
    full_colour: bool = False,
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
    score = subject.score_at(quality, image_format, full_colour=full_colour)
    if score is None:
        return quality, None
    for _ in range(_MORE_TRIES):
        following = _bounded(quality + (target.score - score) / slope, target)
        if abs(target.score - score) <= near or following == quality:
            break
        tried = subject.score_at(following, image_format, full_colour=full_colour) or score
        slope = _bent(slope, (tried - score) / (following - quality))
        quality, score = following, tried
    following = _bounded(quality + (target.score - score) / slope, target)
    return following, score + (following - quality) * slope


def _bounded(quality: float, target: TargetQuality) -> int:
    return max(target.low, min(target.high, round(quality)))


def _encode(subject: Subject, encoding: Encoding, quality: int) -> bytes:
    return encode(
        subject.picture,
        encoding.format,
        quality,
        effort=encoding.effort,
        full_colour=subject.full_colour(encoding),
    )
