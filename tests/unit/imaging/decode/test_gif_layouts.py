"""The frame of a still GIF is shown where it lies on its canvas."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.imaging.support.front import known
from tests.unit.imaging.support.hostile import file_of
from tests.unit.imaging.support.pictures import photo

WIDTH, HEIGHT = 24, 18
PICTURE = photo(WIDTH, HEIGHT).quantize(32, dither=Image.Dither.NONE)
COLOURS = np.asarray(PICTURE.convert("RGBA")).astype(int)
PLAIN = file_of(PICTURE, "GIF", interlace=0)
WOVEN = file_of(PICTURE, "GIF", interlace=1)


def placed(data: bytes, canvas: tuple[int, int], left: int, top: int) -> bytes:
    """Return a GIF of one frame on another canvas."""
    at = data.index(b",\0\0\0\0") + 1
    sides, place = (b"".join(n.to_bytes(2, "little") for n in two) for two in (canvas, (left, top)))
    return data[:6] + sides + data[10:at] + place + data[at + 4 :]


@pytest.mark.parametrize(
    "data",
    [
        PLAIN,
        WOVEN,
        b"GIF87a" + PLAIN[6:],
        PLAIN + b"junk",
        PLAIN[:-1],
        placed(PLAIN, (0, 0), 0, 0),
        placed(PLAIN, (5, 5), 0, 0),
    ],
)
def test_a_frame_of_the_whole_canvas_is_shown(tmp_path: Path, data: bytes) -> None:
    facts, image = known(tmp_path, data)
    assert np.array_equal(np.asarray(image.convert("RGBA")), COLOURS)
    assert not facts.has_alpha


@pytest.mark.parametrize("data", [PLAIN, WOVEN])
@pytest.mark.parametrize(("left", "top"), [(3, 2), (0, 5), (12, 9), (-0, 1)])
def test_what_a_frame_leaves_free_is_transparent(
    tmp_path: Path, data: bytes, left: int, top: int
) -> None:
    facts, image = known(tmp_path, placed(data, (WIDTH + 5, HEIGHT + 3), left, top))
    meant = np.zeros((HEIGHT + 3, WIDTH + 5, 4), int)
    rows, columns = meant.shape[0] - top, meant.shape[1] - left
    meant[top : top + HEIGHT, left : left + WIDTH] = COLOURS[:rows, :columns]
    assert np.array_equal(np.asarray(image), meant)
    assert facts.has_alpha
