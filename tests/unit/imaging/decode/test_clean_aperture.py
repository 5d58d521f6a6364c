"""Of an AVIF with a clean aperture only that part is shown, turned and mirrored afterwards."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.imaging.support.front import known, seen
from tests.unit.imaging.support.hostile import file_of
from tests.unit.imaging.support.odd import with_clean_aperture
from tests.unit.imaging.support.pictures import oriented, photo

PICTURE = photo(120, 80)
APERTURE = (70, 1, 40, 1, -10, 1, 5, 1)  # width, height, and how far the middle is moved
SHOWN = (15, 25, 85, 65)
SAME_LEVELS = 12  # an encoder's loss
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def avif(image: Image.Image, orientation: int = 1) -> bytes:
    options = {"exif": oriented(orientation)} if orientation > 1 else {}
    return file_of(image, "AVIF", quality=95, subsampling="4:4:4", **options)


def test_only_the_clean_aperture_is_shown(tmp_path: Path) -> None:
    whole = seen(tmp_path, avif(PICTURE))
    facts, image = known(tmp_path, with_clean_aperture(avif(PICTURE), APERTURE))
    assert image.size == (facts.width, facts.height) == (70, 40)
    assert image.tobytes() == whole.crop(SHOWN).tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_is_left_is_turned_and_mirrored(tmp_path: Path, orientation: int) -> None:
    data = with_clean_aperture(avif(PICTURE, orientation), APERTURE)
    facts, image = known(tmp_path, data)
    meant = PICTURE.crop(SHOWN)
    if orientation > 1:
        meant = meant.transpose(_TURNS[orientation])
    assert image.size == (facts.width, facts.height) == meant.size
    difference = np.abs(np.asarray(image).astype(int) - np.asarray(meant.convert("RGB")))
    assert difference.mean() <= SAME_LEVELS


def test_opacity_is_cut_alike(tmp_path: Path) -> None:
    clear = PICTURE.copy()
    clear.putalpha(Image.linear_gradient("L").resize(PICTURE.size))
    whole = seen(tmp_path, avif(clear))
    image = seen(tmp_path, with_clean_aperture(avif(clear), APERTURE))
    assert image.mode == "RGBA"
    assert image.tobytes() == whole.crop(SHOWN).tobytes()


@pytest.mark.parametrize(
    "numbers",
    [
        (121, 1, 40, 1, 0, 1, 0, 1),  # wider than the picture
        (70, 1, 40, 1, 60, 1, 0, 1),  # beyond its edge
        (71, 1, 40, 1, 0, 1, 0, 1),  # between two pixels
        (70, 0, 40, 1, 0, 1, 0, 1),
        (0, 1, 40, 1, 0, 1, 0, 1),
        (-70, 1, 40, 1, 0, 1, 0, 1),
    ],
)
def test_an_impossible_aperture_is_ignored(tmp_path: Path, numbers: tuple[int, ...]) -> None:
    assert seen(tmp_path, with_clean_aperture(avif(PICTURE), numbers)).size == PICTURE.size
