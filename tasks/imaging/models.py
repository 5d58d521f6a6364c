"""What is known about a source and what was made of it; small, frozen, fit for pickling.

It must not know Pillow: the flow reads these without loading any pixel code.
"""

from dataclasses import dataclass, field
from pathlib import Path

from tasks.imaging.formats.detect import ImageFormat


@dataclass(frozen=True, slots=True)
class Limits:
    """What a source may be, and what it may cost, before it is refused.

    `heic` says whether the decoder of HEIC and HEIF may be asked at all.
    `max_frames` bounds animations, of which all frames have to be looked at when one is wanted.
    `max_scans` bounds progressive JPEGs: ordinary ones have about ten scans, and each further
    scan is one more pass over all pixels.
    """

    max_pixels: int
    max_bytes: int = 100 * 1024 * 1024
    max_frames: int = 1_000
    max_scans: int = 200
    heic: bool = False


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """A source as it was decoded.

    `width` and `height` are those that a viewer sees: after `orientation`, the stored EXIF value
    from 1 to 8, was applied. `sha256` is hexadecimal and of the file's bytes. `frames` counts
    those of an animation (1 otherwise), `seconds` is how long one round of it takes; `has_alpha`
    says that some pixels may be transparent.
    """

    format: ImageFormat
    media_type: str
    width: int
    height: int
    orientation: int
    bytes: int
    sha256: str
    frames: int = 1
    seconds: float = 0.0
    has_alpha: bool = False


@dataclass(frozen=True, slots=True)
class VariantFile:
    """One encoded, verified file in the job's directory.

    `quality` is the encoder's number, None for a lossless file. `score` is the similarity to the
    image before encoding, on SSIMULACRA2's scale, where one was measured. `frames` is 1 for a
    still file, `seconds` how long one round of a moving one takes. `cpu_seconds` is what it cost to
    choose its quality, to write and to verify it.
    """

    name: str
    format: ImageFormat
    width: int
    height: int
    bytes: int
    sha256: str
    quality: int | None
    path: Path
    media_type: str
    extension: str
    score: float | None = None
    frames: int = 1
    seconds: float = 0.0
    cpu_seconds: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Notice:
    """What a variant says besides its pixels: EXIF data and an XMP packet, each mostly empty."""

    exif: bytes = b""
    xmp: bytes = b""

    @property
    def info(self) -> dict[str | tuple[int, int], bytes]:
        """The parts that there are, as Pillow's `info` names them."""
        parts: dict[str | tuple[int, int], bytes] = {"exif": self.exif, "xmp": self.xmp}
        return {name: part for name, part in parts.items() if part}


NO_NOTICE = Notice()


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What a web page shows before the image has arrived, and a name for how it looks.

    `dominant_colour` is "#rrggbb", of the product rather than of its ground. `thumbhash` is a
    ThumbHash in base64: a blurred preview in about 25 bytes. `phash` is a perceptual hash, 16
    hexadecimal digits: images that look the same differ in few of its bits.
    """

    dominant_colour: str
    thumbhash: str
    phash: str


@dataclass(frozen=True, slots=True)
class Rendition:
    """All that one call made: widest variants first. `cpu_seconds` is what it cost."""

    source: SourceFacts
    variants: tuple[VariantFile, ...]
    fingerprint: str
    page: PageFacts
    cpu_seconds: float | None = field(default=None, compare=False)
