"""Write the variants of one size: each format at its quality, proven, none larger than a simpler.

It must not know how the image came to its size.
"""

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image

from tasks.imaging.animation.encode import can_move
from tasks.imaging.animation.frame_store import Scene
from tasks.imaging.animation.quality import MovingSubject, encode_moving_to_quality
from tasks.imaging.animation.verify import verify_moving
from tasks.imaging.encode.encoders import flattened, loses_transparency
from tasks.imaging.encode.source_bytes import OwnBytes
from tasks.imaging.encode.verify import verify
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.models import VariantFile
from tasks.imaging.presets.model import Encoding, Preset, When
from tasks.imaging.quality.sampling import LOW_SIDE_PX
from tasks.imaging.quality.search import (
    LOSSLESS_SCORE,
    Encoded,
    Hint,
    Subject,
    encode_to_quality,
    may_be_smaller_lossless,
)

# What every browser shows comes first; a format is kept for being smaller than those before it.
_SIMPLEST_FIRST = (ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.WEBP, ImageFormat.AVIF)
_SAME_SCORE = 2.0  # points of no visible difference


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes all sizes of one image, the largest first, and learns from each for the next."""

    directory: Path
    preset: Preset
    found: dict[ImageFormat, int] = field(default_factory=dict)
    wins: dict[ImageFormat, bool] = field(default_factory=dict)

    def write(
        self,
        picture: Image.Image,
        stem: str,
        *,
        ceiling_bytes: int | None = None,
        own: OwnBytes | None = None,
    ) -> tuple[VariantFile, ...]:
        """Write one size in every encoding of the preset, in its order.

        `ceiling_bytes` is what a file should not exceed: its source's bytes at the same size.
        `own` are the source's, if it shows this very picture: they stay where they are fewer.
        """
        source = _Source(ceiling_bytes, own)
        return self._worth_having(_Subjects(picture, self.preset), stem, source)

    def write_moving(
        self, scene: Scene, stem: str, *, ceiling_bytes: int | None = None
    ) -> tuple[VariantFile, ...]:
        """Write one size of an animation; formats that cannot move show its first frame."""
        subjects = _Subjects(scene.picture(0), self.preset, MovingSubject(scene))
        return self._worth_having(subjects, stem, _Source(ceiling_bytes))

    def _worth_having(
        self, subjects: "_Subjects", stem: str, source: "_Source"
    ) -> tuple[VariantFile, ...]:
        """Write a file for each encoding; drop those that a simpler one serves as well as.

        The simplest format always stays, and a file that has lost the transparency does not
        replace one with it.
        """
        written = [
            self._written(subjects, encoding, stem, source=source)
            for encoding in self.preset.encodings
            if self._is_wanted(encoding, subjects)
        ]
        if not self.preset.drop_larger:
            return tuple(written)
        kept: list[VariantFile] = []
        for each in sorted(written, key=lambda file: _SIMPLEST_FIRST.index(file.format)):
            is_flat = subjects.flattens(each.format)
            alike = (simpler for simpler in kept if subjects.flattens(simpler.format) == is_flat)
            if not any(_serves_as_well(simpler, each) for simpler in alike):
                kept.append(each)
        for each in written:
            if each not in kept:
                each.path.unlink(missing_ok=True)
        return tuple(each for each in written if each in kept)

    def chosen(self, variants: list[VariantFile]) -> tuple[VariantFile, ...]:
        """Return what is kept of all sizes: of a drawing its WebPs or its AVIFs, the fewer bytes.

        Whole formats are kept or dropped: a page offers a format at every size, or not at all.
        """
        webp, avif = (
            [each for each in variants if each.format is image_format]
            for image_format in (ImageFormat.WEBP, ImageFormat.AVIF)
        )
        if not self.wins.get(ImageFormat.WEBP) or not webp or not avif:
            return tuple(variants)
        ours, theirs = (sum(each.bytes for each in ladder) for ladder in (webp, avif))
        dropped = avif if ours <= theirs else webp
        for each in dropped:
            each.path.unlink(missing_ok=True)
        return tuple(each for each in variants if each not in dropped)

    def _is_wanted(self, encoding: Encoding, subjects: "_Subjects") -> bool:
        """Whether a format that is for some images only is for this one; the largest size says."""
        if encoding.when is When.ALWAYS or subjects.shows_more:
            return True
        if encoding.format not in self.wins:
            self.wins[encoding.format] = may_be_smaller_lossless(subjects.whole, encoding)
        return self.wins[encoding.format]

    def _written(
        self, subjects: "_Subjects", encoding: Encoding, stem: str, *, source: "_Source"
    ) -> VariantFile:
        """Write and verify a file, and remember its quality for the next size."""
        began, image_format = time.process_time(), encoding.format
        subject, seconds = subjects.of(image_format), 0.0
        own = source.own_of(image_format)
        ceiling_bytes = source.ceiling_bytes if own is None else None
        hint = Hint(self.found.get(image_format), ceiling_bytes)
        path = self.directory / f"{stem}-{image_format.value}.{image_format.extension}"
        if isinstance(subject, MovingSubject):
            encoded = encode_moving_to_quality(subject, encoding, hint)
            path.write_bytes(encoded.data)
            proof = verify_moving(path, image_format, subject.meant)
            seconds = subject.meant.end / 1000 if proof.frames > 1 else 0.0
        else:
            encoded = encode_to_quality(subject, encoding, hint)
            is_compared = self.preset.drop_larger and len(self.preset.encodings) > 1
            if encoded.score is None and encoded.quality is not None and is_compared:
                encoded = replace(encoded, score=subject.score_at(encoded.quality, image_format))
            if own is not None and len(own) <= len(encoded.data):
                encoded = Encoded(own, None, LOSSLESS_SCORE)
            path.write_bytes(encoded.data)
            decoded = None if encoded.shown is None else (encoded.data, encoded.shown)
            proof = verify(path, image_format, subject.meant, decoded=decoded)
        if encoded.quality is not None:
            self.found[image_format] = encoded.next_start or encoded.quality
        return VariantFile(
            name=path.stem,
            format=image_format,
            width=subject.meant.size[0],
            height=subject.meant.size[1],
            bytes=proof.bytes,
            sha256=proof.sha256,
            quality=encoded.quality,
            path=path,
            media_type=image_format.media_type,
            extension=image_format.extension,
            score=None if encoded.score is None else round(encoded.score, 1),
            frames=proof.frames,
            seconds=seconds,
            cpu_seconds=time.process_time() - began,
        )


@dataclass(frozen=True, slots=True)
class _Source:
    """What the source needs to show a size, which our files should not exceed."""

    ceiling_bytes: int | None = None
    own: OwnBytes | None = None

    def own_of(self, image_format: ImageFormat) -> bytes | None:
        """Return the source's own bytes, if it has this format."""
        return self.own.data if self.own is not None and self.own.format is image_format else None


class _Subjects:
    """The image as each format can show it; formats that show the same share what is known."""

    def __init__(
        self, picture: Image.Image, preset: Preset, moving: MovingSubject | None = None
    ) -> None:
        self.whole = Subject(picture)
        self._moving = moving
        self._flat: Subject | None = None
        self._preset = preset

    def of(self, image_format: ImageFormat) -> Subject | MovingSubject:
        if self._moving is not None and can_move(image_format):
            return self._moving
        if not self.flattens(image_format):
            return self.whole
        if self._flat is None:
            self._flat = Subject(flattened(self.whole.picture, self._preset.background))
        return self._flat

    @property
    def shows_more(self) -> bool:
        """Whether the simplest format loses something: transparency, or movement."""
        return self._moving is not None or self.whole.picture.mode == "RGBA"

    def flattens(self, image_format: ImageFormat) -> bool:
        """Whether the format's file has no transparency, though the image has."""
        return loses_transparency(self.whole.picture, image_format)


def _serves_as_well(simpler: VariantFile, other: VariantFile) -> bool:
    is_moving, moves = simpler.frames > 1, other.frames > 1
    if simpler.bytes > other.bytes or is_moving != moves:
        return False
    if simpler.score == LOSSLESS_SCORE:
        return True
    if simpler.score is None and other.score is None:
        # Only of an image too small to be measured is it known that both look well enough.
        return min(other.width, other.height) < LOW_SIDE_PX
    if simpler.score is None or other.score is None:
        return False  # it is not known which of them looks better
    return simpler.score >= other.score - _SAME_SCORE
