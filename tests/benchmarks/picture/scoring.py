"""SSIMULACRA2 of an encoded picture, by the PyPI package of that name, on what is worth seeing."""

from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image
from ssimulacra2.ssimulacra2 import compute_ssimulacra2

_GROUND = 10  # levels of 255 from the corner's colour that still are the ground
_BLOCK_PX = 16


def score(original: Image.Image, data: bytes) -> float:
    """Return the score of an encoded file; of a product on white, that of the product's box."""
    box = content_box(original)
    with TemporaryDirectory() as folder, Image.open(BytesIO(data)) as encoded:
        ours, theirs = Path(folder, "original.png"), Path(folder, "encoded.png")
        original.crop(box).save(ours, compress_level=0)
        encoded.convert("RGB").crop(box).save(theirs, compress_level=0)
        return float(compute_ssimulacra2(str(ours), str(theirs)))


def content_box(picture: Image.Image) -> tuple[int, int, int, int]:
    """Return the box around what is not white ground; all of a picture without one."""
    levels = np.asarray(picture.convert("RGB"), np.int16)
    corner = levels[2, 2]
    if corner.min() < 240:
        return (0, 0, *picture.size)
    found = np.abs(levels - corner).max(2) > _GROUND
    rows, columns = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
    if not rows.size:
        return (0, 0, *picture.size)
    left, top = (int(edge) // _BLOCK_PX * _BLOCK_PX for edge in (columns[0], rows[0]))
    return left, top, int(columns[-1]) + 1, int(rows[-1]) + 1
