"""Damaged pictures by the thousand: how they are made, and what a pixel process does with them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from PIL import Image

from infra.contract.errors import ImageRefused
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.models import Limits
from tasks.imaging.pipeline import render
from tasks.imaging.presets.model import Box, FixedQuality
from tests.unit.imaging.support.front import decoded
from tests.unit.imaging.support.hostile import apng_of, file_of, gif_of, webp_of
from tests.unit.imaging.support.moving import animation, keeping, turning
from tests.unit.imaging.support.odd import heic, ycck_jpeg
from tests.unit.imaging.support.pictures import oriented, photo
from tests.unit.imaging.support.profiles import PROFILES, press

SHOWN, MOVED = "shown", "moved"
# Small, so that ten thousand take a minute: what a large picture costs is for other tests.
LIMITS = Limits(max_pixels=250_000, max_frames=50, heic=True)
_MOVING_EVERY = 5  # inputs: one is an animation that has to stay one
_SMALL = (24, 18)
_TELLING_NUMBERS = (b"\0", b"\xff", b"\x7f\xff", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x80\0\0\0")


@dataclass(frozen=True, slots=True)
class Sources:
    """Small sound files: `all` of every format, and those `moving` that hold an animation."""

    all: list[bytes]
    moving: list[bytes]


def sources() -> Sources:
    """Return what is to be damaged."""
    return Sources(all=_of_every_format(), moving=_animations())


def _of_every_format() -> list[bytes]:
    """Return pictures with profiles, transparency and animations."""
    picture = photo(40, 28)
    clear = picture.convert("RGBA")
    clear.putalpha(Image.radial_gradient("L").resize(picture.size))
    inks = picture.convert("CMYK")
    profile = PROFILES["AdobeRGB"]
    return [
        file_of(picture, "JPEG", exif=oriented(6), icc_profile=profile),
        file_of(picture, "JPEG", progressive=True),
        file_of(inks, "JPEG", icc_profile=press()),
        ycck_jpeg(inks),
        file_of(picture, "MPO", save_all=True, append_images=[picture]),
        file_of(clear, "PNG", icc_profile=profile, exif=oriented(3)),
        file_of(picture.quantize(16), "PNG", transparency=3),
        file_of(picture.convert("L").convert("I;16"), "PNG"),
        apng_of(4),
        file_of(picture, "WEBP", icc_profile=profile),
        file_of(clear, "WEBP", lossless=True, exif=oriented(8)),
        webp_of(4),
        file_of(picture, "AVIF", speed=10, exif=oriented(5)),
        file_of(clear, "AVIF", speed=10, icc_profile=profile),
        heic(picture),
        heic(clear),
        file_of(picture, "GIF"),
        gif_of(4, 30, 20),
        file_of(picture, "TIFF", compression="tiff_lzw", icc_profile=profile),
        file_of(inks, "TIFF", compression="tiff_adobe_deflate"),
        file_of(picture, "TIFF", compression="jpeg"),
        file_of(picture.convert("1"), "TIFF", compression="group4"),
        file_of(picture.convert("F"), "TIFF"),
        file_of(picture, "BMP"),
        file_of(picture.quantize(16), "BMP"),
    ]


def _animations() -> list[bytes]:
    """Return animations with profiles, turns, holes, and frames that cover a part."""
    whole = [picture.resize(_SMALL) for picture in turning(3)]
    holed = [picture.convert("RGBA") for picture in whole]
    for number, picture in enumerate(holed):
        picture.paste((0, 0, 0, 0), (6 * number, 3, 6 * number + 9, 12))
    profile = PROFILES["AdobeRGB"]
    return [
        animation(whole, "GIF"),
        animation(holed, "GIF", disposal=2),
        animation(holed, "GIF", disposal=3, loop=2),
        animation(whole, "PNG", icc_profile=profile),
        animation(holed, "PNG", disposal=1, blend=1),
        animation(holed, "PNG", default_image=True),
        animation(whole, "WEBP", icc_profile=profile, exif=oriented(6)),
        animation(holed, "WEBP", lossless=True),
        animation(whole, "AVIF", speed=10),
        animation(holed, "AVIF", speed=10, icc_profile=profile),
    ]


# Made with the module: a pixel process may not read the packaged presets later.
_KEEPING = keeping(ImageFormat.WEBP, quality=FixedQuality(60), boxes=(Box(width=16),))


def try_damaged(directory: Path, files: Sources, seed: int, count: int) -> Counter[str]:
    """Damage files in many ways and show them; return how often each code came out."""
    random = Random(seed)
    source = directory / f"{seed}.bin"
    codes: Counter[str] = Counter()
    for number in range(count):
        moving = number % _MOVING_EVERY == 0
        source.write_bytes(damaged(random.choice(files.moving if moving else files.all), random))
        try:
            codes[_play(source, directory) if moving else _show(source)] += 1
        except ImageRefused as refused:
            codes[refused.code] += 1
    return codes


def _show(source: Path) -> str:
    decoded(source, LIMITS)
    return SHOWN


def _play(source: Path, directory: Path) -> str:
    """Make the variant of a preset that keeps animations, which needs every frame."""
    (variant,) = render(source, directory, _KEEPING, limits=LIMITS).variants
    return MOVED if variant.frames > 1 else SHOWN


def damaged(data: bytes, random: Random) -> bytes:
    """Return the bytes with one to six wounds, most of them where the headers are."""
    for _ in range(random.randint(1, 6)):
        data = random.choice(_WOUNDS)(data, random)
    return data


def _place(data: bytes, random: Random) -> int:
    reach = random.choice((64, 512, len(data)))
    return random.randrange(max(1, min(reach, len(data))))


def _flip(data: bytes, random: Random) -> bytes:
    at = _place(data, random)
    return data[:at] + bytes([random.randrange(256)]) + data[at + 1 :]


def _exaggerate(data: bytes, random: Random) -> bytes:
    at, number = _place(data, random), random.choice(_TELLING_NUMBERS)
    return data[:at] + number + data[at + len(number) :]


def _cut(data: bytes, random: Random) -> bytes:
    at = _place(data, random)
    return data[:at] + data[at + random.randint(1, 40) :]


def _end(data: bytes, random: Random) -> bytes:
    return data[: random.randint(len(data) // 4, len(data))]


def _repeat(data: bytes, random: Random) -> bytes:
    at = _place(data, random)
    return data[:at] + data[at : at + random.randint(1, 60)] * random.randint(2, 8) + data[at:]


def _noise(data: bytes, random: Random) -> bytes:
    at = _place(data, random)
    return data[:at] + random.randbytes(random.randint(1, 30)) + data[at:]


_WOUNDS: tuple[Callable[[bytes, Random], bytes], ...] = (
    _flip,
    _flip,
    _exaggerate,
    _exaggerate,
    _cut,
    _end,
    _repeat,
    _noise,
)
