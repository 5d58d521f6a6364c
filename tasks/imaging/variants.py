"""Write the variants of one size: each format at its quality, proven, none larger than a simpler.

It must not know how the picture came to its size.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from PIL import Image

from tasks.imaging.encode import prepared
from tasks.imaging.encode_moving import can_move
from tasks.imaging.facts import VariantFile
from tasks.imaging.preset import Encoding, Preset
from tasks.imaging.quality import Encoded, Hint, Subject, encode_to_quality
from tasks.imaging.quality_moving import MovingSubject, encode_moving_to_quality
from tasks.imaging.reel import Scene
from tasks.imaging.sniff import ImageFormat
from tasks.imaging.verify import verify
from tasks.imaging.verify_moving import verify_moving

# What every browser shows comes first; a format is kept for being smaller than those before it.
_SIMPLEST_FIRST = (ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.WEBP, ImageFormat.AVIF)
_SAME_SCORE = 2.0  # points that nobody sees


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes all sizes of one picture, the largest first, and learns from each for the next."""

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
        written = [
            self._still(subjects.of(encoding.format), encoding, stem, ceiling_bytes=ceiling_bytes)
            for encoding in self.preset.encodings
        ]
        return tuple(_without_larger(written) if self.preset.drop_larger else written)

    def write_moving(
        self, scene: Scene, stem: str, *, ceiling_bytes: int | None = None
    ) -> tuple[VariantFile, ...]:
        """Write one size of an animation; formats that cannot move show its first frame."""
        moving, stills = MovingSubject(scene), _Subjects(scene.picture(0), self.preset)
        written = [
            self._moving(moving, encoding, stem, ceiling_bytes=ceiling_bytes)
            if can_move(encoding.format)
            else self._still(
                stills.of(encoding.format), encoding, stem, ceiling_bytes=ceiling_bytes
            )
            for encoding in self.preset.encodings
        ]
        return tuple(_without_larger(written) if self.preset.drop_larger else written)

    def _still(
        self, subject: Subject, encoding: Encoding, stem: str, *, ceiling_bytes: int | None
    ) -> VariantFile:
        hint = Hint(self.found.get(encoding.format), ceiling_bytes)
        encoded = encode_to_quality(subject, encoding, hint)
        file = self._keep(encoded, encoding, stem, size=subject.picture.size)
        proof = verify(file.path, encoding.format, subject.meant)
        return replace(file, bytes=proof.bytes, sha256=proof.sha256)

    def _moving(
        self, subject: MovingSubject, encoding: Encoding, stem: str, *, ceiling_bytes: int | None
    ) -> VariantFile:
        hint = Hint(self.found.get(encoding.format), ceiling_bytes)
        encoded = encode_moving_to_quality(subject, encoding, hint)
        file = self._keep(encoded, encoding, stem, size=subject.meant.size)
        proof = verify_moving(file.path, encoding.format, subject.meant)
        seconds = subject.meant.end / 1000 if proof.frames > 1 else 0.0
        return replace(
            file, bytes=proof.bytes, sha256=proof.sha256, frames=proof.frames, seconds=seconds
        )

    def _keep(
        self, encoded: Encoded, encoding: Encoding, stem: str, *, size: tuple[int, int]
    ) -> VariantFile:
        if encoded.quality is not None:
            self.found[encoding.format] = encoded.quality
        name = f"{stem}-{encoding.format.value}"
        path = self.directory / f"{name}.{encoding.format.extension}"
        path.write_bytes(encoded.data)
        return VariantFile(
            name=name,
            format=encoding.format,
            width=size[0],
            height=size[1],
            bytes=len(encoded.data),
            sha256=sha256(encoded.data).hexdigest(),
            quality=encoded.quality,
            path=path,
            media_type=encoding.format.media_type,
            extension=encoding.format.extension,
            score=None if encoded.score is None else round(encoded.score, 1),
        )


class _Subjects:
    """The picture as each format can show it; formats that show the same share what is known."""

    def __init__(self, picture: Image.Image, preset: Preset) -> None:
        self._whole = Subject(picture)
        self._flat: Subject | None = None
        self._preset = preset

    def of(self, image_format: ImageFormat) -> Subject:
        flat = prepared(self._whole.picture, image_format, self._preset.background)
        if flat is self._whole.picture:
            return self._whole
        self._flat = self._flat or Subject(flat)
        return self._flat


def _without_larger(written: list[VariantFile]) -> Iterator[VariantFile]:
    """Yield the files that are worth having; the simplest format always is."""
    kept: list[VariantFile] = []
    for each in sorted(written, key=lambda file: _SIMPLEST_FIRST.index(file.format)):
        if not any(_serves_as_well(simpler, each) for simpler in kept):
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
    if simpler.score is None or other.score is None:
        return True
    return simpler.score >= other.score - _SAME_SCORE
