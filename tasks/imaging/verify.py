"""Read a written variant back, as a stranger would, before anybody hears of it."""

from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageChops, ImageStat

from infra.errors import ErrorCode, PixelsFailed
from tasks.imaging.sniff import HEADER_BYTES, ImageFormat, sniff

_LOOK_PX = 32  # pixels across and down that are compared, at most
_BANDS = 8  # of a picture that are looked at, if it is so high that a quarter of it is enough …
_EACH = 4  # … which are one of each four
# Encoders mix colours of neighbouring pixels. Where these alternate finely, single pixels of a good
# file are off by 150 levels, and averages of so many across and down by 25.
_LEAST_AVERAGED_PX = 4
_OTHER_PICTURE = 40  # levels of 255, on average; photographs stay below 15 at every quality
_GROUND = (128, 128, 128)  # what transparent pixels are seen on


@dataclass(frozen=True, slots=True)
class Proof:
    """What is on the disk: length, SHA-256 in hexadecimal, and frames."""

    bytes: int
    sha256: str
    frames: int = 1


@dataclass(frozen=True, slots=True)
class Meant:
    """The picture that a file should show, for all files that show the same one."""

    size: tuple[int, int]
    look: Image.Image

    @classmethod
    def of(cls, picture: Image.Image) -> "Meant":
        """Remember the size, and how the picture looks from afar."""
        return cls(picture.size, _look(picture))

    def is_shown_by(self, found: Image.Image) -> bool:
        """Whether a picture has the size and by and large the colours."""
        return found.size == self.size and _difference(found, self) < _OTHER_PICTURE


def verify(path: Path, expected: ImageFormat, meant: Meant) -> Proof:
    """Decode the file in full; raise `PixelsFailed` unless it is the picture that was meant.

    That is: the format, the size, and by and large the colours, so that nothing blank passes.
    """
    data = path.read_bytes()
    with Image.open(BytesIO(data), formats=[expected.value]) as image:
        image.load()
        is_meant = meant.is_shown_by(image)
    if not is_meant or sniff(data[:HEADER_BYTES]) is not expected:
        raise PixelsFailed(
            ErrorCode.INTERNAL_ERROR, f"The encoder wrote something else than {path.name}."
        )
    return Proof(len(data), sha256(data).hexdigest())


def _difference(found: Image.Image, meant: Meant) -> float:
    """Return the mean difference of some pixels, in levels of 255, of the worst channel."""
    return max(ImageStat.Stat(ImageChops.difference(_look(found), meant.look)).mean)


def _look(picture: Image.Image) -> Image.Image:
    """Return the picture very small, one pixel at least: 0.5 ms at 1,600 px."""
    picture = _in_bands(picture)
    if picture.mode == "P":
        picture = picture.convert("RGBA")  # palettes are not averaged
    width, height = (max(1, min(_LOOK_PX, side // _LEAST_AVERAGED_PX)) for side in picture.size)
    size = (width, height)
    picked = picture.resize(size, Image.Resampling.BOX, reducing_gap=1.0).convert("RGBA")
    ground = Image.new("RGB", size, _GROUND)
    ground.paste(picked, mask=picked)
    return ground


def _in_bands(picture: Image.Image) -> Image.Image:
    """Return a quarter of the picture, in bands over all of its height; a low one as it is.

    Bands keep neighbours together: of fine patterns, single pixels would show something else.
    """
    height = picture.height // (_BANDS * _EACH)
    if height < _LEAST_AVERAGED_PX:
        return picture
    bands = picture.crop((0, 0, picture.width, _BANDS * height))
    for band in range(_BANDS):
        top = (2 * band + 1) * picture.height // (2 * _BANDS) - height // 2
        box = (0, top, picture.width, top + height)
        bands.paste(picture.crop(box), (0, band * height))
    return bands
