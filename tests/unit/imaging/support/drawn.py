"""Pictures of any mode, size and content, for tests that draw them at random."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any

from hypothesis import strategies as st
from PIL import Image, ImageCms

from tests.unit.imaging.metadata.test_stripping import SECRET, XMP
from tests.unit.imaging.support.pictures import encoded, telling_exif

_KEEPING_EXIF = frozenset({"JPEG", "PNG", "WEBP", "TIFF", "AVIF"})
_KEEPING_XMP = frozenset({"JPEG", "WEBP", "AVIF"})
_KEEPING_PROFILES = frozenset({"JPEG", "PNG", "WEBP", "TIFF", "AVIF"})
_CLEAR = 255  # the index in a palette that is transparent
_CORNERS = [(255, 0, 0), (0, 0, 255), (0, 255, 0), (255, 0, 255), (255, 255, 0), (0, 0, 0)]


class Content(StrEnum):
    """What there is to see."""

    FLAT = "flat"
    NOISE = "noise"
    STRIPES = "stripes"
    FEW = "few"


class Clear(StrEnum):
    """What there is to see through."""

    NOTHING = "nothing"
    LEFT = "left"  # two thirds, with a hard edge: whatever is cut around the middle has some of it
    SOFT = "soft"  # everywhere, but nowhere in full
    ALL = "all"


WRITABLE = [
    (mode, written)
    for written, modes in {
        "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
        "JPEG": ("L", "RGB", "CMYK"),
        "WEBP": ("RGB", "RGBA"),
        "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"),
        "GIF": ("1", "L", "P", "RGB"),
        "AVIF": ("RGB", "RGBA"),
        "BMP": ("1", "L", "P", "RGB"),
    }.items()
    for mode in modes
]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A source file to be: equal ones give equal bytes. `telling` puts notes and a profile in."""

    mode: str
    written: str
    size: tuple[int, int]
    content: Content
    clear: Clear = Clear.NOTHING
    seed: int = 0
    telling: bool = False

    @property
    def shows_through(self) -> bool:
        """Whether transparency is in the file, so much that making it smaller leaves some."""
        if self.clear is Clear.NOTHING or (self.mode == "P" and self.clear is Clear.SOFT):
            return False
        return self.mode in ("LA", "RGBA") or (self.mode, self.written) in (
            ("P", "PNG"),
            ("P", "GIF"),
        )

    def file(self) -> bytes:
        """Return the file's bytes."""
        options: dict[str, Any] = {}
        if self.mode == "P" and self.shows_through:
            options["transparency"] = _CLEAR
        if self.written == "WEBP":
            options["lossless"] = True
        if self.telling:
            options |= self._notes()
        return encoded(self.picture(), self.written, **options)

    def picture(self) -> Image.Image:
        """Return the pixels."""
        colours = self._colours()
        match self.mode:
            case "P":
                return self._palette(colours)
            case "LA" | "RGBA":
                picture = colours.convert(self.mode)
                picture.putalpha(self._alpha())
                return picture
            case "I;16":
                low = colours.convert("L").tobytes()
                return Image.frombytes("I;16", self.size, bytes(v for v in low for _ in (0, 1)))
            case _:
                return colours.convert(self.mode)

    def _notes(self) -> dict[str, Any]:
        notes: dict[str, Any] = {}
        if self.written in _KEEPING_EXIF:
            notes["exif"] = telling_exif(SECRET)
        if self.written in _KEEPING_XMP:
            notes["xmp"] = XMP
        if self.written in _KEEPING_PROFILES and self.mode in ("RGB", "RGBA"):
            profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
            notes["icc_profile"] = profile.tobytes()
        return notes

    def _colours(self) -> Image.Image:
        (width, height), dice = self.size, Random(self.seed)
        pixels = range(width * height)
        match self.content:
            case Content.FLAT:
                colours = [dice.randbytes(3)] * len(pixels)
            case Content.NOISE:
                colours = [dice.randbytes(3) for _ in pixels]
            case Content.STRIPES:
                two = [bytes(each) for each in dice.sample(_CORNERS, 2)]
                thick, across = dice.randint(1, 5), dice.random() < 0.5
                places = (at % width if across else at // width for at in pixels)
                colours = [two[place // thick % 2] for place in places]
            case _:
                few = [dice.randbytes(3) for _ in range(dice.randint(2, 9))]
                colours = [few[(at // 3) % len(few)] for at in pixels]
        return Image.frombytes("RGB", self.size, b"".join(colours))

    def _alpha(self) -> Image.Image:
        match self.clear:
            case Clear.NOTHING:
                return Image.new("L", self.size, 255)
            case Clear.ALL:
                return Image.new("L", self.size, 0)
            case Clear.SOFT:
                gradient = Image.linear_gradient("L").resize(self.size)
                return gradient.point(lambda level: 40 + level // 2)
            case _:
                alpha = Image.new("L", self.size, 255)
                alpha.paste(0, (0, 0, (2 * self.size[0] + 2) // 3, self.size[1]))
                return alpha

    def _palette(self, colours: Image.Image) -> Image.Image:
        picture = colours.quantize(_CLEAR, dither=Image.Dither.NONE)
        palette = picture.getpalette() or []
        picture.putpalette(palette + [0] * (3 * (_CLEAR + 1) - len(palette)))
        if self.shows_through:
            hidden = self._alpha().point(lambda level: 255 - level)
            picture.paste(_CLEAR, (0, 0), hidden)
        return picture


_sides = st.integers(1, 160) | st.integers(1, 9)

drawn = st.builds(
    lambda layout, **rest: Drawn(*layout, **rest),
    st.sampled_from(WRITABLE),
    size=st.tuples(_sides, _sides),
    content=st.sampled_from(Content),
    clear=st.sampled_from(Clear),
    seed=st.integers(0, 999),
    telling=st.booleans(),
)
