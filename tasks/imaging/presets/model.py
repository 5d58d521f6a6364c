"""What is made of a source: boxes, encodings and the rest of a policy, under a name.

Plain data, fit for pickling; `metadata` holds the bounds that pydantic checks where presets are
read. It must not know how pixels are made, nor where presets are written.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from tasks.imaging.formats.detect import ImageFormat

RGB = tuple[int, int, int]

WHITE: RGB = (255, 255, 255)
MIDDLE = (0.5, 0.5)
MANY = 1_000_000_000  # for numbers that have no bound of their own
MAX_SIDE_PX = 16_383  # what WebP can hold; the other formats hold more


class Fit(StrEnum):
    """How an image meets a box. No fit ever enlarges."""

    INSIDE = "inside"  # the whole image, as large as the box allows
    COVER = "cover"  # the whole box, what stands out is cut off around the focal point
    PAD = "pad"  # the whole image in the middle of the box, the rest in the background's colour
    STRETCH = "stretch"  # the whole image on the whole box, in the box's proportions


@dataclass(frozen=True, slots=True)
class Box:
    """A wanted size in pixels; a side that is None follows from the image's proportions."""

    width: int | None = None
    height: int | None = None

    def __post_init__(self) -> None:
        if self.width is None and self.height is None:
            raise ValueError("a box has a width, a height, or both")


@dataclass(frozen=True, slots=True)
class FixedQuality:
    """The same number for every image, on the encoder's own scale from 0 to 100."""

    quality: int


@dataclass(frozen=True, slots=True)
class TargetQuality:
    """The smallest file that still looks like the original.

    `score` is on SSIMULACRA2's scale (90: no visible difference, 70: good), met to within
    `tolerance`. `low` and `high` bound the encoder's quality, 0 to 100.
    """

    score: float = field(metadata={"ge": 30, "le": 95})
    low: int = field(default=40, metadata={"ge": 1, "le": 100})
    high: int = field(default=95, metadata={"ge": 1, "le": 100})
    tolerance: float = field(default=1.0, metadata={"ge": 0.1, "le": 10})


@dataclass(frozen=True, slots=True)
class ByteBudget:
    """The best file of at most `max_bytes`; `low` and `high` bound the encoder's quality."""

    max_bytes: int = field(metadata={"ge": 1000, "le": MANY})
    low: int = field(default=40, metadata={"ge": 1, "le": 100})
    high: int = field(default=95, metadata={"ge": 1, "le": 100})


Quality = FixedQuality | TargetQuality | ByteBudget


class Chroma(StrEnum):
    """How many pixels share a colour. WebP knows only the second."""

    AUTO = "auto"  # every pixel its own where sharing would be seen
    SHARED = "4:2:0"
    FULL = "4:4:4"


class When(StrEnum):
    """Of which images a format's files are made."""

    ALWAYS = "always"
    WINS = "wins"  # transparent ones, and drawings that it holds without loss in the fewest bytes


@dataclass(frozen=True, slots=True)
class Encoding:
    """One way to write a variant.

    `effort` is the encoder's own scale of CPU against bytes; None is the pipeline's choice.
    `lossless_graphics` permits a lossless WebP where a drawing gets smaller that way; it and `when`
    say nothing of other formats, `chroma` nothing of those that cannot choose.
    """

    format: ImageFormat
    quality: Quality
    effort: int | None = None
    lossless_graphics: bool = True
    chroma: Chroma = Chroma.AUTO
    when: When = When.ALWAYS


@dataclass(frozen=True, slots=True)
class Trim:
    """Cut a uniform border off before anything else.

    `tolerance` is how far, in levels of 255, a pixel may differ from the border's colour and
    still belong to it. `margin` of the border stays, as a share of the content's longer side.
    """

    tolerance: int = field(default=12, metadata={"ge": 0, "le": 128})
    margin: float = field(default=0.0, metadata={"ge": 0, "le": 1})


@dataclass(frozen=True, slots=True)
class FirstFrame:
    """Show the first frame of an animation."""


@dataclass(frozen=True, slots=True)
class Animated:
    """Keep animations moving, in the formats that can; a longer one shows its first frame.

    `max_seconds` is what one round may take, `max_megapixels` the source's canvas times its frames.
    """

    max_frames: int = field(default=300, metadata={"ge": 2, "le": MANY})
    max_seconds: float = field(default=30.0, metadata={"ge": 0.1, "le": MANY})
    max_megapixels: float = field(default=50.0, metadata={"ge": 0.1, "le": MANY})


Animation = FirstFrame | Animated
FIRST_FRAME = FirstFrame()


@dataclass(frozen=True, slots=True)
class Preset:
    """A named policy; docs/presets.md explains each part.

    `boxes` are widest first. `focus` is the focal point, from (0, 0) at the top left to (1, 1).
    `sharpen` is a strength from 0 (off) to 1. `drop_larger` leaves out a file that is no smaller
    than the same image in a simpler format; the simplest one stays.
    """

    name: str
    revision: int
    boxes: tuple[Box, ...]
    encodings: tuple[Encoding, ...]
    fit: Fit = Fit.INSIDE
    background: RGB = WHITE
    trim: Trim | None = None
    sharpen: float = 0.0
    keep_copyright: bool = False
    focus: tuple[float, float] = MIDDLE
    animation: Animation = FIRST_FRAME
    drop_larger: bool = True

    def around(self, focus: tuple[float, float] | None) -> "Preset":
        """Return the preset for an image with a focal point of its own; itself where it crops none.

        Only what `cover` cuts off depends on the point: other variants keep their addresses.
        """
        if focus is None or self.fit is not Fit.COVER:
            return self
        return replace(self, focus=focus)
