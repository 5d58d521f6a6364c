"""Builders of source files, each with exactly the property that a test is about."""

import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, ImageCms

from tasks.imaging.models import Limits, Rendition
from tasks.imaging.pipeline import render
from tasks.imaging.presets.catalogue import packaged_presets

RED, GREEN, BLUE, YELLOW = (220, 20, 20), (20, 200, 20), (20, 20, 220), (230, 220, 20)
LIMITS = Limits(max_pixels=50_000_000, heic=True)

Colour = tuple[int, int, int]


def encoded(image: Image.Image, image_format: str, **options: Any) -> bytes:
    """Return the file that Pillow writes."""
    buffer = BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def photo(width: int, height: int) -> Image.Image:
    """Return soft colours with some fine structure; the same each time."""
    across = Image.linear_gradient("L").rotate(90).resize((width, height))
    down = Image.linear_gradient("L").resize((width, height))
    rings = Image.radial_gradient("L").resize((width, height))
    waves = rings.point(lambda level: 128 + 90 * ((level // 6) % 2))
    return Image.merge("RGB", (across, down, waves))


def corners(size: tuple[int, int], colours: tuple[Colour, Colour, Colour, Colour]) -> Image.Image:
    """Return four blocks of colour: top left, top right, bottom left, bottom right."""
    width, height = size
    picture = Image.new("RGB", size, colours[0])
    picture.paste(colours[1], (width // 2, 0, width, height // 2))
    picture.paste(colours[2], (0, height // 2, width // 2, height))
    picture.paste(colours[3], (width // 2, height // 2, width, height))
    return picture


def corner_colours(image: Image.Image) -> tuple[Colour, ...]:
    """Return the colours of the four blocks, each as the nearest of the named ones."""
    width, height = image.size
    rgb = image.convert("RGB")
    places = [(x, y) for y in (height // 4, height * 3 // 4) for x in (width // 4, width * 3 // 4)]
    return tuple(nearest(pixel(rgb, place)) for place in places)


def pixel(image: Image.Image, place: tuple[int, int]) -> Colour:
    """Return one RGB pixel."""
    red, green, blue = image.convert("RGB").crop((*place, place[0] + 1, place[1] + 1)).tobytes()
    return red, green, blue


def nearest(colour: Colour) -> Colour:
    """Return the named colour that an encoder's rounding started from."""
    return min(
        (RED, GREEN, BLUE, YELLOW),
        key=lambda named: sum(abs(a - b) for a, b in zip(named, colour, strict=True)),
    )


def oriented(orientation: int) -> Image.Exif:
    """Return EXIF data with an orientation."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif


def telling_exif(secret: str) -> Image.Exif:
    """Return EXIF data with a name and the place where the picture was taken."""
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = secret
    position = exif.get_ifd(ExifTags.IFD.GPSInfo)
    position[ExifTags.GPS.GPSLatitudeRef] = "N"
    position[ExifTags.GPS.GPSLatitude] = (60.0, 23.0, 33.0)
    return exif


def swapped_profile() -> bytes:
    """Return an sRGB profile with red and green exchanged: its effect cannot be missed."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"tmp!").replace(b"gXYZ", b"rXYZ").replace(b"tmp!", b"gXYZ")


def huge_png(width: int, height: int) -> bytes:
    """Return a few hundred bytes that declare any number of pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def rendered(directory: Path, data: bytes, *, limits: Limits = LIMITS) -> Rendition:
    """Render a file with the preset `web`; its name lies about what it is."""
    source = directory / "source.txt"
    source.write_bytes(data)
    target = directory / "variants"
    target.mkdir(exist_ok=True)
    return render(source, target, packaged_presets().named("web"), limits=limits)


def variant(rendition: Rendition, name: str) -> Image.Image:
    """Return a variant's pixels."""
    path = next(each.path for each in rendition.variants if each.name == name)
    with Image.open(path) as image:
        image.load()
        return image
