"""Every EXIF orientation comes out upright, judged by pixels."""

from pathlib import Path

import pytest
from PIL import Image

from tests.unit.imaging.support.pictures import (
    BLUE,
    GREEN,
    RED,
    YELLOW,
    Colour,
    corner_colours,
    corners,
    encoded,
    oriented,
    rendered,
    variant,
)

UPRIGHT = (RED, GREEN, BLUE, YELLOW)
UPRIGHT_SIZE = (64, 96)

# From the EXIF standard: on which side of the upright picture the first stored row and the first
# stored column lie.
SIDES = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


def stored(orientation: int) -> Image.Image:
    """Return the picture as a camera held that way stores it."""
    first_row, first_column = SIDES[orientation]
    size = UPRIGHT_SIZE if first_row in ("top", "bottom") else UPRIGHT_SIZE[::-1]
    blocks = [_block(first_row, first_column, row, column) for row in (0, 1) for column in (0, 1)]
    return corners(size, (blocks[0], blocks[1], blocks[2], blocks[3]))


def _block(first_row: str, first_column: str, row: int, column: int) -> Colour:
    """Return the colour of the upright block that a stored block shows."""
    from_first = {first_row: row, first_column: column}
    down = from_first["top"] if "top" in from_first else 1 - from_first["bottom"]
    right = from_first["left"] if "left" in from_first else 1 - from_first["right"]
    return UPRIGHT[2 * down + right]


@pytest.mark.parametrize("orientation", SIDES)
@pytest.mark.parametrize("written", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_picture_comes_out_upright(tmp_path: Path, written: str, orientation: int) -> None:
    data = encoded(stored(orientation), written, exif=oriented(orientation))
    rendition = rendered(tmp_path, data)
    assert (rendition.source.width, rendition.source.height) == UPRIGHT_SIZE
    assert rendition.source.orientation == orientation
    assert len(rendition.variants) > 1
    for each in rendition.variants:
        image = variant(rendition, each.name)
        assert image.size == UPRIGHT_SIZE
        assert corner_colours(image) == UPRIGHT


@pytest.mark.parametrize("nonsense", [0, 9, 4711])
def test_a_nonsensical_orientation_changes_nothing(tmp_path: Path, nonsense: int) -> None:
    rendition = rendered(tmp_path, encoded(stored(1), "JPEG", exif=oriented(nonsense)))
    assert rendition.source.orientation == 1
    assert corner_colours(variant(rendition, "w64-jpeg")) == UPRIGHT


def test_damaged_exif_data_do_not_cost_the_picture(tmp_path: Path) -> None:
    data = encoded(stored(1), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f garbage")
    assert corner_colours(variant(rendered(tmp_path, data), "w64-jpeg")) == UPRIGHT
