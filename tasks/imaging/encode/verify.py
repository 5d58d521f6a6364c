"""Read a written variant back, as a stranger would, before it is announced."""

from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from math import ceil
from pathlib import Path

from PIL import Image, ImageChops, ImageStat

from infra.contract.errors import ErrorCode, PixelsFailed
from tasks.imaging.formats.detect import HEADER_BYTES, ImageFormat, sniff

_LOOK_PX = 32  # pixels across that are compared, and down those of a low image, at most
_BANDS = 8  # across a high image, each of them one row of its look: an eighth of its pixels
_EACH = 8
# Encoders mix colours of neighbouring pixels. Where these alternate finely, single pixels of a good
# file are off by 150 levels, and averages of so many across and down by 25.
_LEAST_AVERAGED_PX = 4
# Levels of 255, on average. Photographs stay below 15 at usable qualities. The finest stripes of
# two pure colours, whose mixture is no longer their average, are off by 70 in a channel, and by 25
# in lightness.
_OTHER_PICTURE = 40  # in lightness
_OTHER_COLOURS = 100  # in the channel that is off by most
_OTHER_PLACE = 160  # the same of one pixel of the look; below 120 at every quality, of anything
_BLANK, _NOT_BLANK = 4, 32  # levels between the darkest and the lightest: at most, at least
_GROUND = (128, 128, 128)  # what transparent pixels are seen on


@dataclass(frozen=True, slots=True)
class Proof:
    """What is on the disk: length, SHA-256 in hexadecimal, and frames."""

    bytes: int
    sha256: str
    frames: int = 1


@dataclass(frozen=True, slots=True)
class Meant:
    """The image that a file should show, for all files that show the same one."""

    size: tuple[int, int]
    look: Image.Image

    @classmethod
    def of(cls, picture: Image.Image) -> "Meant":
        """Remember the size, and how the image looks from afar."""
        return cls(picture.size, _look(picture))

    def is_shown_by(self, found: Image.Image) -> bool:
        """Whether an image has the size and by and large the colours, in each place."""
        if found.size != self.size:
            return False
        look = _look(found)
        off = ImageStat.Stat(ImageChops.difference(look, self.look))
        lightness = ImageChops.difference(look.convert("L"), self.look.convert("L"))
        return (
            ImageStat.Stat(lightness).mean[0] < _OTHER_PICTURE
            and max(off.mean) < _OTHER_COLOURS
            and max(most for _, most in off.extrema) < _OTHER_PLACE
            and not (_contrast(look) <= _BLANK and _contrast(self.look) >= _NOT_BLANK)
        )


def verify(
    path: Path,
    expected: ImageFormat,
    meant: Meant,
    *,
    decoded: tuple[bytes, Image.Image] | None = None,
) -> Proof:
    """Decode the file in full; raise `PixelsFailed` unless it is the image that was meant.

    That is: the format, the size, and by and large the colours everywhere, so that nothing blank
    passes, nor a ground without the product. `decoded` is an image and the bytes that it was read
    from: where the file holds the same, they need not be decoded again.
    """
    data = path.read_bytes()
    if decoded is not None and decoded[0] == data:
        is_meant = meant.is_shown_by(decoded[1])
    else:
        with Image.open(BytesIO(data), formats=[expected.value]) as image:
            image.load()
            is_meant = meant.is_shown_by(image)
    if not is_meant or sniff(data[:HEADER_BYTES]) is not expected:
        raise PixelsFailed(
            ErrorCode.INTERNAL_ERROR, f"The encoder wrote something else than {path.name}."
        )
    return Proof(len(data), sha256(data).hexdigest())


def _contrast(look: Image.Image) -> float:
    """Return how many levels lie between the darkest and the lightest, of the channel with most."""
    return max(most - least for least, most in ImageStat.Stat(look).extrema)


def _look(picture: Image.Image) -> Image.Image:
    """Return the image very small, one pixel at least: 0.3 ms at 1,600 px."""
    if picture.mode == "P":
        picture = picture.convert("RGBA")  # palettes are not averaged
    height = picture.height // (_BANDS * _EACH)
    if height < _LEAST_AVERAGED_PX:
        size = [max(1, min(_LOOK_PX, side // _LEAST_AVERAGED_PX)) for side in picture.size]
        picked = picture.resize((size[0], size[1]), Image.Resampling.BOX, reducing_gap=1.0)
    else:
        picked = _bands(picture, height)
    ground = Image.new("RGB", picked.size, _GROUND)
    picked = picked.convert("RGBA")
    ground.paste(picked, mask=picked)
    return ground


def _bands(picture: Image.Image, height: int) -> Image.Image:
    """Return a row for each band of so many pixels, over all of the picture's height.

    Bands keep neighbours together: of fine patterns, single pixels would show something else.
    """
    width = max(_LEAST_AVERAGED_PX, ceil(picture.width / _LOOK_PX))
    across = max(1, picture.width // width)  # whole ones: what is averaged is never narrower
    right = min(picture.width, across * width)
    rows = Image.new(picture.mode, (across, _BANDS))
    for row in range(_BANDS):
        top = (2 * row + 1) * picture.height // (2 * _BANDS) - height // 2
        band = picture.crop((0, top, right, top + height))
        rows.paste(band.reduce((width, height)), (0, row))
    return rows
