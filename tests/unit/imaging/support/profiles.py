"""Builders of colour profiles: the known colour spaces, and one of a printing press."""

import struct
from collections.abc import Sequence
from io import BytesIO
from itertools import product

from PIL import Image, ImageCms

from tasks.imaging.colour.icc_synthesis import BT709, Chromaticities, profile_of_gamma

_D50 = struct.pack(">3i", 63190, 65536, 54061)
ADOBE_RGB = Chromaticities((0.3127, 0.3290), (0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
DISPLAY_P3 = Chromaticities((0.3127, 0.3290), (0.68, 0.32), (0.265, 0.69), (0.15, 0.06))
PROPHOTO = Chromaticities((0.3457, 0.3585), (0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001))


def display(places: Chromaticities, gamma: float) -> bytes:
    """Return the profile of an RGB space with a plain power curve."""
    profile = profile_of_gamma(1 / gamma, places)
    assert profile is not None
    return profile


PROFILES = {
    "AdobeRGB": display(ADOBE_RGB, 2.19921875),
    "DisplayP3": display(DISPLAY_P3, 2.2),
    "ProPhoto": display(PROPHOTO, 1.8),
    "linear": display(BT709, 1.0),
}


def grey(gamma: float) -> bytes:
    """Return the profile of greys with a power curve."""
    curve = struct.pack(">4sIIH2x", b"curv", 0, 1, round(gamma * 256))
    white = struct.pack(">4sI", b"XYZ ", 0) + _D50
    return _laid_out(b"GRAY", b"XYZ ", {b"wtpt": white, b"kTRC": curve}, b"mntr")


def press() -> bytes:
    """Return the profile of a press whose inks are duller than arithmetic: CMYK to Lab."""
    grid = 9
    nodes = product([step / (grid - 1) for step in range(grid)], repeat=4)
    table = b"".join(_lab_bytes(_inks(node)) for node in nodes)
    identity = bytes(range(256))
    unit = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    lut = struct.pack(">4sIBBBB", b"mft1", 0, 4, 3, grid, 0) + unit
    lut += identity * 4 + table + identity * 3
    white = struct.pack(">4sI", b"XYZ ", 0) + _D50
    return _laid_out(b"CMYK", b"Lab ", {b"wtpt": white, b"A2B0": lut, b"A2B1": lut}, b"prtr")


def reference(image: Image.Image, profile: bytes) -> Image.Image:
    """Return what littlecms makes of a picture, called directly."""
    converted = ImageCms.profileToProfile(
        image,
        ImageCms.ImageCmsProfile(BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION | ImageCms.Flags.HIGHRESPRECALC,
    )
    assert converted is not None
    return converted


def _inks(node: Sequence[float]) -> tuple[float, float, float]:
    """Return the Lab colour of four inks on paper; invented, but as dull as print is."""
    cyan, magenta, yellow, black = node
    light = 95 * (1 - 0.42 * cyan) * (1 - 0.48 * magenta) * (1 - 0.07 * yellow)
    light *= 1 - 0.86 * black
    strength = 1 - 0.8 * black
    a = strength * (-36 * cyan + 72 * magenta - 5 * yellow)
    b = strength * (-48 * cyan - 4 * magenta + 90 * yellow)
    return light, a, b


def _lab_bytes(lab: tuple[float, float, float]) -> bytes:
    light, a, b = lab
    return bytes((round(light * 2.55), round(a) + 128, round(b) + 128))


def _laid_out(space: bytes, pcs: bytes, tags: dict[bytes, bytes], kind: bytes) -> bytes:
    start = 128 + 4 + 12 * len(tags)
    table, blocks = struct.pack(">I", len(tags)), b""
    for name, body in tags.items():
        table += struct.pack(">4sII", name, start + len(blocks), len(body))
        blocks += body + bytes(-len(body) % 4)
    size = start + len(blocks)
    head = struct.pack(">I4xI4s4s4s12x4s28x", size, 0x02400000, kind, space, pcs, b"acsp")
    return head + _D50 + bytes(48) + table + blocks
