"""Pictures that are no photographs, to judge by: drawings, text, screenshots, cut-outs with alpha.

Drawn here or taken from docs/; nothing was fitted on them.
"""

import math
from collections.abc import Callable
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw, ImageFont

from tests.benchmarks.picture.photographs import bench_pictures, cut_to_shape, widen

_DOCS = Path("docs")
_SIZE = (1600, 1200)
_TWICE = 2  # drawn larger and halved: smooth edges
_SENTENCES = (
    "Organic cotton crew neck, 180 g per square metre, made in Portugal. Wash at 30 degrees with"
    " like colours, do not bleach, iron inside out. Sizes XS to XXL; the model is 183 cm tall and"
    " wears M. Free returns within 30 days. Delivery in two to four working days."
)
_INKS = ((20, 20, 24), (178, 18, 32), (12, 74, 158), (0, 110, 70), (120, 120, 126))
_PAPERS = ((255, 255, 255), (250, 246, 238), (24, 26, 32), (240, 196, 40))

Named = tuple[str, Image.Image]


def pictures_of_kinds() -> dict[str, list[Named]]:
    """Return pictures 1,600 px wide by kind; photographs and products on white come first."""
    usual = bench_pictures()
    return {
        "photographs": [each for each in usual if "(cut out)" not in each[0]],
        "products on white": [each for each in usual if "(cut out)" in each[0]],
        "drawings": [(f"drawing {number}", _drawing(number)) for number in range(6)],
        "text": [(f"text {number}", _text(number)) for number in range(6)],
        "screenshots": [*_screenshots()],
        "transparent": [*_cutouts(usual)],
    }


def _drawing(number: int) -> Image.Image:
    """Return flat shapes, gradients and lines, as logos and diagrams have them."""
    random = Random(number)
    width, height = (side * _TWICE for side in _SIZE)
    picture = Image.new("RGB", (width, height), _PAPERS[number % len(_PAPERS)])
    if number % 2:
        ramp = Image.linear_gradient("L").resize((width, height))
        first, last = (Image.new("RGB", (width, height), ink) for ink in random.sample(_INKS, 2))
        picture = Image.composite(first, last, ramp)
    draw = ImageDraw.Draw(picture)
    for _ in range(10 + 12 * number):
        colour = tuple(random.randrange(256) for _ in range(3))
        x, y, size = random.randrange(width), random.randrange(height), random.randrange(60, 900)
        box = (x - size // 2, y - size // 2, x + size // 2, y + size // 2)
        shape: Callable[..., None] = random.choice((draw.ellipse, draw.rectangle))
        shape(box, fill=colour if random.random() < 0.7 else None, outline=colour, width=12)
        turn = random.random() * math.tau
        end = (x + size * math.cos(turn), y + size * math.sin(turn))
        draw.line((x, y, *end), fill=random.choice(_INKS), width=random.choice((4, 10, 24)))
    return picture.reduce(_TWICE)


def _text(number: int) -> Image.Image:
    """Return a page of words in several sizes and strong colours, as size charts and labels are."""
    random = Random(number)
    paper = _PAPERS[number % len(_PAPERS)]
    picture = Image.new("RGB", _SIZE, paper)
    draw, top = ImageDraw.Draw(picture), 40
    inks = [ink for ink in (*_INKS, (245, 245, 245)) if abs(sum(ink) - sum(paper)) > 250]
    while top < _SIZE[1] - 60:
        size = random.choice((22, 26, 32, 44, 72))
        words = " ".join(random.choice(_SENTENCES.split()) for _ in range(2400 // (size * 3)))
        draw.text((60, top), words, fill=random.choice(inks), font=ImageFont.load_default(size))
        top += round(size * 1.5)
    return picture


def _screenshots() -> list[Named]:
    found = []
    for path in sorted(_DOCS.glob("prefect-*.png")):
        with Image.open(path) as image:
            found.append((path.stem, widen(image.convert("RGB"), min(1600, image.width))))
    return found


def _cutouts(usual: list[Named]) -> list[Named]:
    """Return photographs cut to a shape without a ground, edges soft."""
    photographs = [each for each in usual if "(cut out)" not in each[0]][1::3]
    return [
        (f"{name} (transparent)", cut_to_shape(picture, number))
        for number, (name, picture) in enumerate(photographs)
    ]
