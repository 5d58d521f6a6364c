"""Tell whether an image bears it that neighbouring pixels share a colour (4:2:0).

JPEG and AVIF then keep a fourth of the colours. Photographs bear it; letters and lines in a strong
colour bleed or fade. SSIMULACRA2 hardly looks at fine colours, so they are looked at by themselves.
It must not know encoders.
"""

from PIL import Image, ImageChops

_SEEN = 24  # levels of 255 that a colour is off by, in one of its two channels
_PAGE = (255, 255, 255)  # what transparent pixels are seen on
_SHARE = 0.02  # of the pixels: so few are noise, or a line that is not missed


def suffers_from_shared_colour(picture: Image.Image) -> bool:
    """Whether many pixels of an image L, RGB or RGBA would get another colour."""
    if picture.mode == "L" or min(picture.size) <= 1:
        return False
    return lost_share(picture) > _SHARE


def lost_share(picture: Image.Image) -> float:
    """Return the share of pixels, 0 to 1, whose colour is then off by so much that it is seen."""
    if picture.mode == "RGBA":
        page = Image.new("RGB", picture.size, _PAGE)
        page.paste(picture, mask=picture)
        picture = page
    _, *colours = picture.convert("YCbCr").split()
    lost = [ImageChops.difference(each, _shared(each)) for each in colours]
    histogram = ImageChops.lighter(*lost).histogram()
    return sum(histogram[_SEEN:]) / sum(histogram)


def _shared(colour: Image.Image) -> Image.Image:
    return colour.reduce(2).resize(colour.size, Image.Resampling.BILINEAR)
