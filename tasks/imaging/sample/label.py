"""Draw the sample product's paper label, flat, and lay it around a cylinder."""

import math
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from tasks.imaging.sample.solid import Stop, bend, blend

FLAT_PX = (1900, 1240)
_PAPER = (245, 240, 229)
_INK = (34, 51, 44)
_ACCENT = (176, 118, 52)
_REACH = math.radians(72)  # how far around the bottle the paper goes, to each side
_FINER = 4  # leaves are drawn larger and reduced, for smooth edges
_LIGHT: tuple[Stop, ...] = (
    (0.00, (120, 112, 104)),
    (0.06, (178, 172, 165)),
    (0.26, (255, 255, 255)),
    (0.42, (252, 251, 249)),
    (0.72, (222, 218, 213)),
    (0.92, (178, 172, 165)),
    (1.00, (108, 100, 93)),
)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of lettering around the height `y`; all measures in pixels."""

    y: int
    text: str
    size: int
    spacing: int
    weight: int = 0


_LINES = (
    _Line(500, "FJELLRO", size=150, spacing=30, weight=3),
    _Line(672, "BOTANICAL FACE OIL", size=54, spacing=10, weight=1),
    _Line(752, "rosehip · sea buckthorn · birch", size=40, spacing=3),
    _Line(1118, "30 ml  /  1.0 fl oz", size=46, spacing=5, weight=1),
)


def wrap(flat: Image.Image, radius: int) -> Image.Image:
    """Return the label as seen on a cylinder: RGBA, 2 * radius wide, lit from the left."""
    edged = Image.new("RGBA", flat.size)
    edged.paste(flat.crop((0, 0, flat.width - 4, flat.height - 4)), (2, 2))  # smooth edges
    bent = bend(edged, radius, lambda place: math.asin(place) / _REACH)
    lit = ImageChops.multiply(bent.convert("RGB"), blend(_LIGHT, bent.width).resize(bent.size))
    lit.putalpha(bent.getchannel("A"))
    return lit


def draw_label(random: Random) -> Image.Image:
    """Return the flat label: frame, sprig, lettering and the small print."""
    label = _paper(random)
    draw = ImageDraw.Draw(label)
    middle = FLAT_PX[0] // 2
    for inset, weight in ((34, 6), (52, 2)):
        box = (inset, inset, FLAT_PX[0] - inset, FLAT_PX[1] - inset)
        draw.rectangle(box, outline=_INK, width=weight)
    sprig = _sprig()
    label.paste(sprig, (middle - sprig.width // 2, 130), mask=sprig)
    for line in _LINES:
        _write(draw, middle, line)
    draw.line((middle - 210, 606, middle + 210, 606), fill=_ACCENT, width=4)
    _small_print(draw, middle)
    return label


def _paper(random: Random) -> Image.Image:
    """Return laid paper: fine fibres, a little uneven."""
    fibres = Image.frombytes("L", (475, 620), random.randbytes(475 * 620))
    fibres = fibres.resize(FLAT_PX, Image.Resampling.BICUBIC)
    fibres = fibres.filter(ImageFilter.BoxBlur(1)).point(lambda level: 243 + level * 12 // 255)
    return ImageChops.multiply(Image.new("RGB", FLAT_PX, _PAPER), fibres.convert("RGB"))


def _write(draw: ImageDraw.ImageDraw, middle: int, line: _Line) -> None:
    """Write a centred line with space between the letters."""
    font = ImageFont.load_default(line.size)
    widths = [font.getlength(letter) + line.spacing for letter in line.text]
    x = middle - (sum(widths) - line.spacing) / 2
    for letter, width in zip(line.text, widths, strict=True):
        at = (x, line.y)
        draw.text(at, letter, fill=_INK, font=font, anchor="lm", stroke_width=line.weight)
        x += width


def _sprig() -> Image.Image:
    """Return a stem with pairs of leaves, smaller towards the top, as RGBA."""
    width, height = 300 * _FINER, 280 * _FINER
    sprig = Image.new("RGBA", (width, height), (*_INK, 0))
    draw = ImageDraw.Draw(sprig)
    draw.line((width / 2, height, width / 2, height / 5), fill=_INK, width=5 * _FINER)
    for pair in range(5):
        reach, y = (116 - 17 * pair) * _FINER, height * (0.86 - 0.155 * pair)
        for side in (-1, 1):
            foot, tip = (width / 2, y), (width / 2 + side * reach, y - reach * 0.62)
            _leaf(draw, foot, tip, fill=_ACCENT if pair % 2 else _INK)
    return sprig.reduce(_FINER)


def _leaf(
    draw: ImageDraw.ImageDraw,
    foot: tuple[float, float],
    tip: tuple[float, float],
    *,
    fill: tuple[int, int, int],
) -> None:
    along = (tip[0] - foot[0], tip[1] - foot[1])
    edge = []
    for step in range(25):
        place = step / 24
        bulge = 0.17 * math.sin(math.pi * place**0.8)
        edge.append((place, bulge))
    outline = [*edge, *((place, -bulge) for place, bulge in reversed(edge))]
    draw.polygon(
        [
            (foot[0] + along[0] * a - along[1] * b, foot[1] + along[1] * a + along[0] * b)
            for a, b in outline
        ],
        fill=fill,
    )


def _small_print(draw: ImageDraw.ImageDraw, middle: int) -> None:
    lines = (
        "Three to four drops on damp skin, morning and night.",
        "Cold pressed in small batches; shake gently before use.",
        "Ingredients: Rosa canina seed oil, Hippophae rhamnoides oil,",
        "Betula alba leaf extract, Simmondsia chinensis seed oil, tocopherol.",
        "Store away from light.  Best within 6 months of opening.",
    )
    font = ImageFont.load_default(28)
    for number, line in enumerate(lines):
        draw.text((middle, 850 + 44 * number), line, fill=_INK, font=font, anchor="mm")
