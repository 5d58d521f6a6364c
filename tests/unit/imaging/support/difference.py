"""How different two colours look: CIEDE2000, after Sharma, Wu and Dalal."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Numbers = NDArray[Any]


def mean_difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of two pictures in sRGB; below 1 nobody sees it."""
    assert one.size == other.size
    return float(difference(to_lab(one), to_lab(other)).mean())


def to_lab(image: Image.Image) -> Numbers:
    """Return L, a and b of each pixel, white being that of sRGB."""
    levels = np.asarray(image.convert("RGB"), dtype=np.float64) / 255
    light = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    matrix = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = light @ matrix.T / matrix.sum(axis=1)
    root = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def difference(one: Numbers, other: Numbers) -> Numbers:
    """Return CIEDE2000 of Lab colours, along the last axis."""
    light1, a1, b1 = (one[..., index] for index in range(3))
    light2, a2, b2 = (other[..., index] for index in range(3))
    mean_chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    shift = 0.5 * (1 - np.sqrt(mean_chroma**7 / (mean_chroma**7 + 25.0**7)))
    chroma1, chroma2 = np.hypot(a1 * (1 + shift), b1), np.hypot(a2 * (1 + shift), b2)
    hue1 = np.degrees(np.arctan2(b1, a1 * (1 + shift))) % 360
    hue2 = np.degrees(np.arctan2(b2, a2 * (1 + shift))) % 360
    return _weighted((light1, chroma1, hue1), (light2, chroma2, hue2))


def _weighted(one: tuple[Numbers, ...], other: tuple[Numbers, ...]) -> Numbers:
    (light1, chroma1, hue1), (light2, chroma2, hue2) = one, other
    grey = chroma1 * chroma2 == 0
    turn = np.where(grey, 0, (hue2 - hue1 + 180) % 360 - 180)
    # Opposite hues may be taken either way round; the published pairs take the positive one.
    turn = np.where((turn == -180) & (hue2 > hue1), 180, turn)
    hue_step = 2 * np.sqrt(chroma1 * chroma2) * np.sin(np.radians(turn / 2))
    light, chroma = (light1 + light2) / 2, (chroma1 + chroma2) / 2
    hue = np.where(grey, hue1 + hue2, _middle(hue1, hue2))
    factor = (
        1
        - 0.17 * np.cos(np.radians(hue - 30))
        + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6))
        - 0.20 * np.cos(np.radians(4 * hue - 63))
    )
    weight_light = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    weight_chroma, weight_hue = 1 + 0.045 * chroma, 1 + 0.015 * chroma * factor
    bend = np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2)))
    rotation = -np.sin(bend) * 2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    steps = (
        (light2 - light1) / weight_light,
        (chroma2 - chroma1) / weight_chroma,
        hue_step / weight_hue,
    )
    result: Numbers = np.sqrt(
        np.maximum(0, sum(step**2 for step in steps) + rotation * steps[1] * steps[2])
    )
    return result


def _middle(hue1: Numbers, hue2: Numbers) -> Numbers:
    apart = np.abs(hue1 - hue2) > 180
    total = hue1 + hue2
    middle: Numbers = np.where(apart, np.where(total < 360, total + 360, total - 360), total) / 2
    return middle
