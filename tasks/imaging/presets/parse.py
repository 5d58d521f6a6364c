"""Turn a preset's table of a presets file into a preset; docs/presets.md explains every key.

It must not know where the file comes from.
"""

import re
from typing import Any

from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.presets.model import (
    FIRST_FRAME,
    MAX_SIDE_PX,
    MIDDLE,
    RGB,
    WHITE,
    Animated,
    Animation,
    Box,
    ByteBudget,
    Encoding,
    Fit,
    FixedQuality,
    Preset,
    Quality,
    TargetQuality,
    Trim,
)
from tasks.imaging.presets.toml_table import Table, is_number

# What a format's `effort` may be: the encoder's own scale.
_EFFORTS = {ImageFormat.AVIF: (0, 10), ImageFormat.WEBP: (0, 6), ImageFormat.PNG: (0, 9)}
_KEYS_OF_FORMAT = {
    ImageFormat.AVIF: ("quality", "effort"),
    ImageFormat.WEBP: ("quality", "effort", "lossless_graphics"),
    ImageFormat.JPEG: ("quality",),
    ImageFormat.PNG: ("effort",),
}
# What would do nothing is refused rather than read over.
_MISPLACED = {"lossless_graphics": "goes with webp alone: take it out here."}
_KEYS = (
    *("revision", "widths", "boxes", "fit", "focus", "background", "trim", "sharpen"),
    *("keep_copyright", "animation", "drop_larger", "formats"),
)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_BOX = re.compile(r"(?P<width>\d{0,5})x(?P<height>\d{0,5})")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")

_ANIMATIONS = '"first-frame", "keep" or a table like { max_frames = 300, max_seconds = 30 }'
_MANY = 1_000_000_000
_LEAST_BUDGET_BYTES = 1000
_SOME_BOX = Box(width=1)


def read_preset(presets: Table, name: str) -> Preset:
    """Return the preset; where something is wrong it is reported, and the preset not for use."""
    if _NAME.fullmatch(name) is None:
        presets.wrong(name, "is no name: use up to 60 of a-z, 0-9 and '-'.")
    table = presets.table(name, "a table of the preset's keys")
    table.only(_KEYS)
    fit = Fit(table.choice("fit", [*Fit], default=Fit.INSIDE))
    return Preset(
        name=name,
        revision=table.whole("revision", 1, _MANY),
        boxes=_boxes(table, fit),
        encodings=_encodings(table),
        fit=fit,
        background=_background(table),
        trim=_trim(table),
        sharpen=table.number("sharpen", 0, 1, default=0),
        keep_copyright=table.flag("keep_copyright", default=False),
        focus=_focus(table, fit),
        animation=_animation(table),
        drop_larger=table.flag("drop_larger", default=True),
    )


def _boxes(table: Table, fit: Fit) -> tuple[Box, ...]:
    if "widths" in table and "boxes" in table:
        table.wrong("boxes", "and widths exclude each other: write one of them.")
    key = "boxes" if "boxes" in table else "widths"
    read, form = (_box, '["2000x2000"]') if key == "boxes" else (_width, "[1600, 800]")
    values = table.value(key)
    boxes = [read(value) for value in values] if isinstance(values, list) else []
    if not boxes or None in boxes:
        limits = f"sides from 1 to {MAX_SIDE_PX}"
        return (table.refuse(key, f"a list like {form}, {limits}", instead=_SOME_BOX),)
    found = [box for box in boxes if box is not None]
    if fit is not Fit.INSIDE and any(None in (box.width, box.height) for box in found):
        table.wrong(key, f'are open to one side; fit = "{fit}" needs boxes like "800x600".')
    if len(set(found)) < len(found):
        table.wrong(key, "has the same size twice.")
    return tuple(sorted(found, key=_widest_first))


def _widest_first(box: Box) -> tuple[int, int]:
    return -(box.width or 0), -(box.height or 0)


def _width(value: Any) -> Box | None:
    return Box(width=value) if type(value) is int and 1 <= value <= MAX_SIDE_PX else None


def _box(value: Any) -> Box | None:
    match = _BOX.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    sides = [int(side) if side else None for side in match.groups()]
    given = [side for side in sides if side is not None]
    if not given or not all(1 <= side <= MAX_SIDE_PX for side in given):
        return None
    return Box(*sides)


def _encodings(table: Table) -> tuple[Encoding, ...]:
    formats = table.table("formats", "a table per format, like [presets.web.formats.webp]")
    formats.only([*_KEYS_OF_FORMAT])
    if "formats" in table and not [*formats]:
        formats.wrong("", f"is empty: name one of {', '.join(_KEYS_OF_FORMAT)}.")
    known = [ImageFormat(name) for name in formats if name in [*_KEYS_OF_FORMAT]]
    return tuple(_encoding(formats, image_format) for image_format in known)


def _encoding(formats: Table, image_format: ImageFormat) -> Encoding:
    table = formats.table(image_format, "a table like { quality = 80 }")
    keys, efforts = _KEYS_OF_FORMAT[image_format], _EFFORTS.get(image_format)
    table.only(keys, misplaced=_MISPLACED)
    graphics = "lossless_graphics"
    return Encoding(
        format=image_format,
        quality=_quality(table) if "quality" in keys else FixedQuality(100),
        effort=table.whole("effort", *efforts) if efforts and "effort" in table else None,
        lossless_graphics=table.flag(graphics, default=True) if graphics in keys else True,
    )


def _quality(formats: Table) -> Quality:
    """A number is fixed; a table has a score to reach or a size to stay within."""
    if not isinstance(formats.value("quality"), dict):
        return FixedQuality(formats.whole("quality", 1, 100))
    table = formats.table("quality", "")
    if "max_bytes" in table:
        table.only(("max_bytes", "low", "high"))
        low, high = _bounds(table)
        return ByteBudget(table.whole("max_bytes", _LEAST_BUDGET_BYTES, _MANY), low, high)
    table.only(("score", "tolerance", "low", "high"))
    low, high = _bounds(table)
    score, tolerance = table.number("score", 30, 95), table.number("tolerance", 0.1, 10, default=1)
    return TargetQuality(score, low, high, tolerance)


def _bounds(table: Table) -> tuple[int, int]:
    low, high = table.whole("low", 1, 100, default=40), table.whole("high", 1, 100, default=95)
    if low > high:
        table.wrong("low", f"is above high: write a whole number from 1 to {high}.")
    return low, high


def _background(table: Table) -> RGB:
    if "background" not in table:
        return WHITE
    value = table.value("background")
    if not isinstance(value, str) or _COLOUR.fullmatch(value) is None:
        return table.refuse("background", 'a colour like "#ffffff"', instead=WHITE)
    return int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16)


def _trim(table: Table) -> Trim | None:
    if "trim" not in table:
        return None
    trim = table.table("trim", "a table like { tolerance = 12, margin = 0.05 }")
    trim.only(("tolerance", "margin"))
    return Trim(trim.whole("tolerance", 0, 128, default=12), trim.number("margin", 0, 1, default=0))


def _focus(table: Table, fit: Fit) -> tuple[float, float]:
    if "focus" not in table:
        return MIDDLE
    if fit is not Fit.COVER:
        table.wrong("focus", 'has no effect here: it goes with fit = "cover".')
    match table.value("focus"):
        case [x, y] if all(is_number(place) and 0 <= place <= 1 for place in (x, y)):
            return float(x), float(y)
    allowed = "two numbers from 0 to 1, like [0.5, 0.3]: from the left and from the top"
    return table.refuse("focus", allowed, instead=MIDDLE)


def _animation(table: Table) -> Animation:
    value = table.value("animation")
    if value in (None, "first-frame"):
        return FIRST_FRAME
    if value == "keep":
        return Animated()
    if not isinstance(value, dict):
        return table.refuse("animation", _ANIMATIONS, instead=FIRST_FRAME)
    limits, usual = table.table("animation", _ANIMATIONS), Animated()
    limits.only(("max_frames", "max_seconds", "max_megapixels"))
    return Animated(
        max_frames=limits.whole("max_frames", 2, _MANY, default=usual.max_frames),
        max_seconds=limits.number("max_seconds", 0.1, _MANY, default=usual.max_seconds),
        max_megapixels=limits.number("max_megapixels", 0.1, _MANY, default=usual.max_megapixels),
    )
