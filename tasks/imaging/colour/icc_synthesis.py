"""Write the colour profile that a file only describes: by numbers of H.273, or by gamma and
chromaticities as PNG has them.

A profile made here goes the same way as an embedded one. Images of high dynamic range keep what
an ordinary screen can show; what is brighter than white becomes white. It must not know Pillow.
"""

import math
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from tasks.imaging.colour.matrices import (
    Matrix,
    Vector,
    diagonal,
    inverse,
    product,
    times,
    transposed,
)

_Curve = Callable[[float], float]  # stored level to light, both from 0 to 1


class Chromaticities(NamedTuple):
    """x and y of white, red, green and blue, in the order of PNG's chunk."""

    white: tuple[float, float]
    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]


_D65 = (0.3127, 0.3290)
_D50: Vector = (0.9642, 1.0, 0.8249)  # the white of all profiles
BT709 = Chromaticities(_D65, (0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
_BT601 = Chromaticities(_D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070))
_PRIMARIES = {
    1: BT709,
    4: Chromaticities((0.310, 0.316), (0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),
    5: Chromaticities(_D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: _BT601,
    7: _BT601,
    9: Chromaticities(_D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    11: Chromaticities((0.314, 0.351), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    12: Chromaticities(_D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    22: Chromaticities(_D65, (0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),
}
_BRADFORD: Matrix = (
    (0.8951, 0.2664, -0.1614),
    (-0.7502, 1.7135, 0.0367),
    (0.0389, -0.0685, 1.0296),
)
_CURVE_POINTS = 4096
_PQ_WHITE = 203 / 10_000  # of the peak: where graphics are white, by BT.2408


@lru_cache(maxsize=8)
def profile_of_code_points(primaries: int, transfer: int) -> bytes | None:
    """Return the profile that H.273 numbers mean; None for numbers that say nothing."""
    places, curve = _PRIMARIES.get(primaries), _CURVES.get(transfer)
    return _profile(places, curve) if places and curve else None


@lru_cache(maxsize=8)
def profile_of_gamma(gamma: float | None, places: Chromaticities) -> bytes | None:
    """Return the profile for a PNG's encoding gamma; None stands for the curve of sRGB."""
    curve = _srgb if gamma is None else _power(1 / gamma)
    try:
        return _profile(places, curve)
    except (ArithmeticError, struct.error):  # chromaticities that no light has
        return None


def _srgb(level: float) -> float:
    return level / 12.92 if level <= 0.04045 else math.pow((level + 0.055) / 1.055, 2.4)


def _pq(level: float) -> float:
    """SMPTE ST 2084, white at 203 of 10,000 candela per square metre."""
    root = math.pow(level, 32 / 2523)
    light = max(root - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * root)
    return min(1.0, math.pow(light, 8192 / 1305) / _PQ_WHITE)


def _hlg(level: float) -> float:
    """ARIB STD-B67 with a system gamma of 1.2, white at 75 % of the signal."""
    return min(1.0, math.pow(_hlg_scene(level) / _hlg_scene(0.75), 1.2))


def _hlg_scene(level: float) -> float:
    if level <= 0.5:
        return level * level / 3
    return (math.exp((level - 0.55991073) / 0.17883277) + 0.28466892) / 12


def _power(exponent: float) -> _Curve:
    return lambda level: math.pow(level, exponent)


_CURVES: dict[int, _Curve] = {
    **dict.fromkeys((1, 6, 13, 14, 15), _srgb),  # those of video are shown by browsers like sRGB's
    4: _power(2.2),
    5: _power(2.8),
    8: _power(1),
    16: _pq,
    18: _hlg,
}


def _profile(places: Chromaticities, curve: _Curve) -> bytes:
    """Lay out a version 2 display profile: a curve and a matrix to D50."""
    points = [round(curve(at / (_CURVE_POINTS - 1)) * 65_535) for at in range(_CURVE_POINTS)]
    shared = struct.pack(f">4sII{_CURVE_POINTS}H", b"curv", 0, _CURVE_POINTS, *points)
    bodies = {b"wtpt": _xyz(_D50)}
    for kind, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), transposed(_to_d50(places)), strict=True):
        bodies[kind] = _xyz(column)
    bodies |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), shared)
    start = 128 + 4 + 12 * len(bodies)  # of the tags, behind a header and a table
    table, blocks = b"", b""
    offsets: dict[bytes, int] = {}  # equal tags share one place
    for kind, body in bodies.items():
        if body not in offsets:
            offsets[body] = start + len(blocks)
            blocks += body
        table += struct.pack(">4sII", kind, offsets[body], len(body))
    size = start + len(blocks)
    head = struct.pack(">I4sI4s4s4s", size, b"", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + _xyz(_D50)[8:] + bytes(48)
    return head + struct.pack(">I", len(bodies)) + table + blocks


def _xyz(values: tuple[float, ...]) -> bytes:
    return struct.pack(">4sI3i", b"XYZ ", 0, *(round(value * 65_536) for value in values))


def _to_d50(places: Chromaticities) -> Matrix:
    """Return the matrix from linear RGB to XYZ, its white moved to D50 as profiles want it."""
    white = _light(places.white)
    raw = transposed((_light(places.red), _light(places.green), _light(places.blue)))
    scaled = product(raw, diagonal(times(inverse(raw), white)))
    here, there = times(_BRADFORD, white), times(_BRADFORD, _D50)
    ratio = (there[0] / here[0], there[1] / here[1], there[2] / here[2])
    adaption = product(inverse(_BRADFORD), product(diagonal(ratio), _BRADFORD))
    return product(adaption, scaled)


def _light(place: tuple[float, float]) -> Vector:
    x, y = place
    return x / y, 1.0, (1 - x - y) / y
