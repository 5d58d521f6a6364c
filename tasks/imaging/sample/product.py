"""Draw a product shot that looks like a supplier's: for the demo, for tests and for measuring.

It is drawn here so that no foreign picture has to be shipped. It must not know the pipeline.
"""

from pathlib import Path
from random import Random

from PIL import ExifTags, Image, ImageChops, ImageDraw, ImageFilter

from tasks.imaging.sample.label import draw_label, wrap
from tasks.imaging.sample.solid import Solid, blend, place

WIDTH_PX, HEIGHT_PX = 3000, 4000  # upright; stored lying on its side, as a phone does
_QUALITY = 92
_LYING = 6  # EXIF: turn it a quarter to the right to see it upright
_AXIS = WIDTH_PX // 2
_GRAIN = 7  # levels of a good sensor's noise, peak to peak
_Box = tuple[int, int, int, int]

_BULB = Solid(
    ((340, 0), (362, 84), (398, 124), (450, 148), (520, 160), (760, 168), (900, 176), (1000, 196)),
    (
        (0.00, (12, 12, 13)),
        (0.10, (36, 36, 38)),
        (0.22, (128, 128, 132)),
        (0.34, (48, 48, 51)),
        (0.70, (24, 24, 26)),
        (0.90, (70, 70, 74)),
        (1.00, (10, 10, 11)),
    ),
)
_COLLAR = Solid(
    ((980, 272), (1316, 278)),
    (
        (0.00, (96, 74, 40)),
        (0.08, (176, 140, 84)),
        (0.20, (252, 234, 196)),
        (0.32, (204, 166, 104)),
        (0.60, (132, 100, 56)),
        (0.82, (222, 186, 126)),
        (0.94, (168, 132, 78)),
        (1.00, (84, 62, 32)),
    ),
    knurls=44,
)
_BOTTLE_RADIUS = 690
_BOTTLE = Solid(
    (
        (1230, 236),
        (1390, 240),
        (1440, 300),
        (1500, 440),
        (1580, 580),
        (1680, 662),
        (1800, _BOTTLE_RADIUS),
        (3440, _BOTTLE_RADIUS),
        (3540, 672),
        (3600, 630),
        (3638, 570),
        (3654, 480),
        (3662, 360),
    ),
    (
        (0.00, (34, 13, 4)),
        (0.04, (88, 38, 11)),
        (0.14, (176, 90, 26)),
        (0.30, (122, 55, 14)),
        (0.55, (84, 35, 9)),
        (0.78, (144, 67, 18)),
        (0.92, (196, 106, 38)),
        (0.97, (86, 35, 10)),
        (1.00, (30, 11, 4)),
    ),
)


def write_sample(path: Path, *, seed: int = 7) -> None:
    """Write a JPEG of 12 megapixels with a camera's EXIF data, GPS position included.

    The pixels lie on their side with orientation 6. Equal seeds give equal files.
    """
    random = Random(seed)
    picture = _studio()
    for solid in (_BOTTLE, _COLLAR, _BULB):
        place(picture, solid, _AXIS)
    picture = _lit(picture)
    label = wrap(draw_label(random), _BOTTLE_RADIUS)
    picture.paste(label, (_AXIS - label.width // 2, 1960), mask=label)
    stored = _grain(picture, random).transpose(Image.Transpose.ROTATE_90)
    stored.save(path, "JPEG", quality=_QUALITY, exif=_exif())


def _studio() -> Image.Image:
    """Return a white sweep with the product's shadow on it."""
    sweep = blend(((0.0, (252, 252, 253)), (0.7, (250, 250, 251)), (1.0, (238, 238, 241))), 1024)
    ground = sweep.transpose(Image.Transpose.ROTATE_270).resize((WIDTH_PX, HEIGHT_PX))
    for box, darkness, blur in (
        ((700, 3480, 2760, 3780), 80, 120),  # wide and faint, fallen to the right
        ((850, 3560, 2250, 3720), 130, 40),
        ((930, 3610, 2070, 3682), 210, 12),  # where it touches
    ):
        ground = _glow(ground, box, (60, 45, 36), opacity=darkness, blur=blur)
    return ground


def _lit(picture: Image.Image) -> Image.Image:
    """Add the studio's lights as glass shows them, and the darker oil behind it."""
    picture = _glow(picture, (860, 3440, 2140, 3620), (30, 10, 2), opacity=120, blur=44)
    picture = _glow(picture, (985, 1790, 1085, 3430), (255, 240, 214), opacity=135, blur=12)
    picture = _glow(picture, (1180, 1490, 1250, 1650), (255, 246, 230), opacity=120, blur=22)
    picture = _glow(picture, (2092, 1860, 2110, 3400), (255, 214, 150), opacity=140, blur=8)
    return _glow(picture, (1424, 500, 1450, 900), (255, 255, 255), opacity=110, blur=9)


def _glow(
    picture: Image.Image, box: _Box, colour: tuple[int, int, int], *, opacity: int, blur: int
) -> Image.Image:
    """Lay a soft spot of light or shadow, `opacity` of 255, over a box."""
    finer = 4  # what is blurred needs no more detail than a quarter
    mask = Image.new("L", (picture.width // finer, picture.height // finer))
    scaled = [edge // finer for edge in box]
    roundness = min(scaled[2] - scaled[0], scaled[3] - scaled[1]) / 2
    ImageDraw.Draw(mask).rounded_rectangle(scaled, roundness, fill=opacity)
    mask = mask.filter(ImageFilter.GaussianBlur(blur / finer))
    mask = mask.resize(picture.size, Image.Resampling.BICUBIC)
    return Image.composite(Image.new("RGB", picture.size, colour), picture, mask)


def _grain(picture: Image.Image, random: Random) -> Image.Image:
    noise = Image.frombytes("L", picture.size, random.randbytes(picture.width * picture.height))
    noise = noise.point(lambda level: level * _GRAIN // 255)
    return ImageChops.add(picture, noise.convert("RGB"), 1, -(_GRAIN // 2))


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Fjellro Optics"
    exif[ExifTags.Base.Model] = "Studio One"
    exif[ExifTags.Base.Orientation] = _LYING
    exif[ExifTags.Base.DateTime] = "2025:03:14 09:26:53"
    exif[ExifTags.Base.Copyright] = "A supplier"
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.ISOSpeedRatings] = 100
    details[ExifTags.Base.FNumber] = 8.0
    details[ExifTags.Base.ExposureTime] = 1 / 125
    position = exif.get_ifd(ExifTags.IFD.GPSInfo)
    position[ExifTags.GPS.GPSLatitudeRef] = "N"
    position[ExifTags.GPS.GPSLatitude] = (60.0, 23.0, 33.0)
    position[ExifTags.GPS.GPSLongitudeRef] = "E"
    position[ExifTags.GPS.GPSLongitude] = (5.0, 19.0, 30.0)
    return exif
