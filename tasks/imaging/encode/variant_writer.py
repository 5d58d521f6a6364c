"""Write the variants of one size: each format at its quality, proven, none larger than a simpler.

It must not know how the image came to its size.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image

from tasks.imaging.animation.encode import can_move
from tasks.imaging.animation.frame_store import Scene
from tasks.imaging.animation.quality import MovingSubject, encode_moving_to_quality
from tasks.imaging.animation.verify import verify_moving
from tasks.imaging.encode.encoders import loses_transparency, prepared
from tasks.imaging.encode.verify import Proof, verify
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.models import VariantFile
from tasks.imaging.presets.model import Encoding, Preset
from tasks.imaging.quality.sampling import LOW_SIDE_PX
from tasks.imaging.quality.search import LOSSLESS_SCORE, Encoded, Hint, Subject, encode_to_quality

# What every browser shows comes first; a format is kept for being smaller than those before it.
_SIMPLEST_FIRST = (ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.WEBP, ImageFormat.AVIF)
_SAME_SCORE = 2.0  # points of no visible difference


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes all sizes of one image, the largest first, and learns from each for the next."""

    directory: Path
    preset: Preset
    found: dict[ImageFormat, int] = field(default_factory=dict)

    def write(
        self, picture: Image.Image, stem: str, *, ceiling_bytes: int | None = None
    ) -> tuple[VariantFile, ...]:
        """Write one size in every encoding of the preset, in its order.

        `ceiling_bytes` is what a file should not exceed: its source's bytes at the same size.
        """
        subjects = _Subjects(picture, self.preset)

        def still(encoding: Encoding) -> VariantFile:
            subject = subjects.of(encoding.format)
            return self._still(subject, encoding, stem, ceiling_bytes=ceiling_bytes)

        return self._worth_having(still, subjects)

    def write_moving(
        self, scene: Scene, stem: str, *, ceiling_bytes: int | None = None
    ) -> tuple[VariantFile, ...]:
        """Write one size of an animation; formats that cannot move show its first frame."""
        moving, stills = MovingSubject(scene), _Subjects(scene.picture(0), self.preset)

        def either(encoding: Encoding) -> VariantFile:
            if can_move(encoding.format):
                return self._moving(moving, encoding, stem, ceiling_bytes=ceiling_bytes)
            subject = stills.of(encoding.format)
            return self._still(subject, encoding, stem, ceiling_bytes=ceiling_bytes)

        return self._worth_having(either, stills)

    def _worth_having(
        self, write: Callable[[Encoding], VariantFile], subjects: "_Subjects"
    ) -> tuple[VariantFile, ...]:
        """Write a file for each encoding; drop those that a simpler one serves as well as."""
        written = [_timed(write, encoding) for encoding in self.preset.encodings]
        if not self.preset.drop_larger:
            return tuple(written)
        return tuple(_without_larger(written, subjects))

    def _still(
        self, subject: Subject, encoding: Encoding, stem: str, *, ceiling_bytes: int | None
    ) -> VariantFile:
        hint = Hint(self.found.get(encoding.format), ceiling_bytes)
        encoded = encode_to_quality(subject, encoding, hint)
        if encoded.score is None and encoded.quality is not None and self._compares:
            score = subject.score_at(encoded.quality, encoding.format)
            encoded = replace(encoded, score=score)
        path = self._written(encoded, encoding.format, stem)
        proof = verify(path, encoding.format, subject.meant)
        return _described(
            path, encoded, proof, image_format=encoding.format, size=subject.picture.size
        )

    def _moving(
        self, subject: MovingSubject, encoding: Encoding, stem: str, *, ceiling_bytes: int | None
    ) -> VariantFile:
        hint = Hint(self.found.get(encoding.format), ceiling_bytes)
        encoded = encode_moving_to_quality(subject, encoding, hint)
        path = self._written(encoded, encoding.format, stem)
        proof = verify_moving(path, encoding.format, subject.meant)
        file = _described(
            path, encoded, proof, image_format=encoding.format, size=subject.meant.size
        )
        return replace(file, seconds=subject.meant.end / 1000) if proof.frames > 1 else file

    @property
    def _compares(self) -> bool:
        """Whether files of one size are held against each other."""
        return self.preset.drop_larger and len(self.preset.encodings) > 1

    def _written(self, encoded: Encoded, image_format: ImageFormat, stem: str) -> Path:
        """Write the file, and remember its quality for the next size."""
        if encoded.quality is not None:
            self.found[image_format] = encoded.quality
        path = self.directory / f"{stem}-{image_format.value}.{image_format.extension}"
        path.write_bytes(encoded.data)
        return path


class _Subjects:
    """The image as each format can show it; formats that show the same share what is known."""

    def __init__(self, picture: Image.Image, preset: Preset) -> None:
        self._whole = Subject(picture)
        self._flat: Subject | None = None
        self._preset = preset

    def of(self, image_format: ImageFormat) -> Subject:
        if not self.flattens(image_format):
            return self._whole
        if self._flat is None:
            flat = prepared(self._whole.picture, image_format, self._preset.background)
            self._flat = Subject(flat)
        return self._flat

    def flattens(self, image_format: ImageFormat) -> bool:
        """Whether the format's file has no transparency, though the image has."""
        return loses_transparency(self._whole.picture, image_format)


def _timed(write: Callable[[Encoding], VariantFile], encoding: Encoding) -> VariantFile:
    began = time.process_time()
    file = write(encoding)
    return replace(file, cpu_seconds=time.process_time() - began)


def _described(
    path: Path,
    encoded: Encoded,
    proof: Proof,
    *,
    image_format: ImageFormat,
    size: tuple[int, int],
) -> VariantFile:
    """Return the facts of a file, of which its proof says what lies on the disk."""
    return VariantFile(
        name=path.stem,
        format=image_format,
        width=size[0],
        height=size[1],
        bytes=proof.bytes,
        sha256=proof.sha256,
        quality=encoded.quality,
        path=path,
        media_type=image_format.media_type,
        extension=image_format.extension,
        score=None if encoded.score is None else round(encoded.score, 1),
        frames=proof.frames,
    )


def _without_larger(written: list[VariantFile], subjects: _Subjects) -> Iterator[VariantFile]:
    """Yield the files that are worth having; the simplest format always is.

    A file that has lost the transparency does not replace one with it.
    """
    kept: list[VariantFile] = []
    for each in sorted(written, key=lambda file: _SIMPLEST_FIRST.index(file.format)):
        is_flat = subjects.flattens(each.format)
        alike = (simpler for simpler in kept if subjects.flattens(simpler.format) == is_flat)
        if not any(_serves_as_well(simpler, each) for simpler in alike):
            kept.append(each)
    for each in written:
        if each in kept:
            yield each
        else:
            with suppress(FileNotFoundError):
                each.path.unlink()


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
