"""An AVIF of any depth, subsampling and grid is shown as it is meant.

`avifs.txt` holds files that Pillow cannot write. avifenc, of Debian's libavif-bin, wrote them of
`gradient`: `avifenc -s 0 --min 0 --max 24 -d 10 -y 422 FILE`, also with `--grid 2x2`,
`-r limited` and `--cicp 1/13/0`.
"""

from base64 import b64decode
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.unit.imaging.support.front import known

LINES = Path(__file__).with_name("avifs.txt").read_text(encoding="ascii").splitlines()
WRITTEN = {name: b64decode(data) for name, data in (line.split("\t") for line in LINES)}
NEAR = 12  # levels
SHARES = (0.299, 0.587, 0.114)  # of red, green and blue in greys, by BT.601


def gradient(width: int, height: int) -> npt.NDArray[np.int64]:
    """Return height, width, RGB."""
    down, across = np.mgrid[0:height, 0:width]
    channels = (
        40 + across * 160 // width,
        220 - down * 160 // height,
        90 + (across + down) * 80 // (width + height),
    )
    return np.stack(channels, axis=2)


@pytest.mark.parametrize("name", WRITTEN)
def test_each_kind_is_shown(tmp_path: Path, name: str) -> None:
    facts, image = known(tmp_path, WRITTEN[name])
    found = np.asarray(image.convert("RGBA")).astype(int)
    meant = gradient(*((128, 128) if "grid" in name else (48, 32)))
    assert found.shape[:2] == meant.shape[:2]
    if ", 400" in name:
        meant = np.repeat((meant @ SHARES)[..., np.newaxis], 3, axis=2)
    assert np.abs(found[..., :3] - meant).max() <= NEAR
    assert facts.has_alpha == ("opacity" in name)
    if facts.has_alpha:
        opacity = 255 - np.mgrid[0:32, 0:48][1] * 4
        assert np.abs(found[..., 3] - opacity).max() <= NEAR
