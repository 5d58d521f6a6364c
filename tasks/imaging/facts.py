"""What is known about a source and what was made of it; small, frozen, fit for pickling.

It must not know Pillow: the flow reads these without loading any pixel code.
"""

from dataclasses import dataclass
from pathlib import Path

from tasks.imaging.sniff import ImageFormat


@dataclass(frozen=True, slots=True)
class Limits:
    """What a source may cost before it is refused.

    `max_scans` bounds progressive JPEGs: ordinary ones have about ten scans, and each further
    scan is one more pass over all pixels.
    """

    max_pixels: int
    max_scans: int = 200


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """A source as it was decoded.

    `width` and `height` are those that a viewer sees: after `orientation`, the stored EXIF value
    from 1 to 8, was applied. `sha256` is hexadecimal and of the file's bytes.
    """

    format: ImageFormat
    media_type: str
    width: int
    height: int
    orientation: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class VariantFile:
    """One encoded, verified file in the job's directory.

    `score` is a measured likeness to the source, where one was measured.
    """

    name: str
    format: ImageFormat
    width: int
    height: int
    bytes: int
    sha256: str
    quality: int
    path: Path
    media_type: str
    extension: str
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Rendition:
    """All that one call made: widest variants first."""

    source: SourceFacts
    variants: tuple[VariantFile, ...]
    fingerprint: str
