"""Write the variants of one size: each format at its quality, proven, none larger than a simpler.

It must not know how the picture came to its size.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from tasks.imaging.encode import prepared
from tasks.imaging.facts import VariantFile
from tasks.imaging.preset import Encoding, Preset
from tasks.imaging.quality import Encoded, Hint, Subject, encode_to_quality
from tasks.imaging.sniff import ImageFormat
from tasks.imaging.verify import Meant, verify

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
        written = []
        for encoding in self.preset.encodings:
            subject = subjects.of(encoding.format)
            hint = Hint(self.found.get(encoding.format), ceiling_bytes)
            encoded = encode_to_quality(subject, encoding, hint)
            if encoded.quality is not None:
                self.found[encoding.format] = encoded.quality
            written.append(self._keep(encoded, encoding, subject.meant, stem=stem))
        return tuple(_without_larger(written) if self.preset.drop_larger else written)

    def _keep(
        self, encoded: Encoded, encoding: Encoding, meant: Meant, *, stem: str
    ) -> VariantFile:
        name = f"{stem}-{encoding.format.value}"
        path = self.directory / f"{name}.{encoding.format.extension}"
        path.write_bytes(encoded.data)
        proof = verify(path, encoding.format, meant)
        width, height = meant.size
        return VariantFile(
            name=name,
            format=encoding.format,
            width=width,
            height=height,
            bytes=proof.bytes,
            sha256=proof.sha256,
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
    if simpler.bytes > other.bytes:
        return False
    if simpler.score is None or other.score is None:
        return True
    return simpler.score >= other.score - _SAME_SCORE
