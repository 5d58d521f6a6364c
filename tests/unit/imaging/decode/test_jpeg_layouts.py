"""Every kind of JPEG that browsers show is shown, also without its end mark; a cut one is not.

`jpegs.txt` holds files of `GRADIENT` that Pillow cannot write. ImageMagick wrote them:
`convert FILE -strip -quality 90 -sampling-factor 2x1 …`; `jpegtran -arithmetic` wrote the others.
"""

from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image

from infra.contract.errors import ErrorCode, ImageRefused
from tests.unit.imaging.decode.test_jpeg_segments import segment
from tests.unit.imaging.support.front import code_of, seen
from tests.unit.imaging.support.hostile import file_of
from tests.unit.imaging.support.odd import ycck_jpeg
from tests.unit.imaging.support.pictures import photo

HEIGHT, WIDTH = 24, 32
_down, _across = np.mgrid[0:HEIGHT, 0:WIDTH]
GRADIENT = np.stack((40 + _across * 5, 220 - _down * 7, 90 + (_across + _down) * 2), axis=2)
PICTURE = Image.fromarray(GRADIENT.astype(np.uint8))
LINES = Path(__file__).with_name("jpegs.txt").read_text(encoding="ascii").splitlines()
WRITTEN = {name: b64decode(data) for name, data in (line.split("\t") for line in LINES)}
# Where codes are arithmetic, the last bytes may be left out, so that the end cannot be told.
HUFFMAN_CODED = [name for name in WRITTEN if "arithmetic" not in name]
NEAR = 24  # levels: what halved and quartered colours cost the gradient's edges
END = b"\xff\xd9"


def looks(directory: Path, data: bytes, meant: Image.Image = PICTURE) -> None:
    found = np.asarray(seen(directory, data).convert("RGB")).astype(int)
    assert np.abs(found - np.asarray(meant.convert("RGB"))).max() <= NEAR


def without(data: bytes, marker: int) -> bytes:
    """Return a JPEG without its first segment of a kind."""
    at = data.index(bytes((0xFF, marker)))
    return data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]


def marked(data: bytes, transform: int) -> bytes:
    """Return a JPEG that Adobe's segment says to be transformed so, and no other."""
    return data[:2] + segment(0xEE, b"Adobe\0d\0\0\0\0" + bytes([transform])) + data[2:]


@pytest.mark.parametrize("name", WRITTEN)
def test_each_subsampling_and_each_coding_is_shown(tmp_path: Path, name: str) -> None:
    looks(tmp_path, WRITTEN[name])


def test_colours_are_what_markers_and_names_of_components_say(tmp_path: Path) -> None:
    ycc, rgb = WRITTEN["4:4:4"], file_of(PICTURE, "JPEG", keep_rgb=True, quality=95)
    unmarked = without(ycc, 0xE0)
    for data in (ycc, unmarked, marked(ycc, 0), marked(ycc, 1), marked(unmarked, 1)):
        looks(tmp_path, data)
    for data in (rgb, without(rgb, 0xEE)):
        looks(tmp_path, data)
    raw = Image.merge("RGB", PICTURE.convert("YCbCr").split())
    looks(tmp_path, marked(unmarked, 0), raw)


def test_inks_are_shown_with_and_without_a_marker(tmp_path: Path) -> None:
    inks = PICTURE.convert("CMYK")
    normalize_mode = file_of(inks, "JPEG", quality=95)
    for data in (normalize_mode, without(normalize_mode, 0xEE), ycck_jpeg(inks)):
        looks(tmp_path, data)


def _kinds() -> Iterator[tuple[str, bytes]]:
    half = Image.new("L", (80, 80), 255)
    half.paste(photo(80, 30), (0, 0))
    noise = Image.frombytes("RGB", (24, 24), Random(1).randbytes(24 * 24 * 3))
    pictures = {"photo": photo(61, 45), "noise": noise, "half of greys": half}
    for name, picture in pictures.items():
        for how, options in (
            ("plain", {}),
            ("optimised", {"optimize": True}),
            ("progressive", {"progressive": True}),
            ("restarted", {"restart_marker_blocks": 1}),
            ("restarted by rows", {"progressive": True, "restart_marker_rows": 1}),
        ):
            yield f"{name}, {how}", file_of(picture, "JPEG", **options)


KINDS = dict(_kinds())


@pytest.mark.parametrize("name", [*KINDS, *HUFFMAN_CODED])
@pytest.mark.parametrize("left", [b"", b"\xff", b"\xff\xff", b"\0\0"])
def test_one_without_its_end_mark_is_shown(tmp_path: Path, name: str, left: bytes) -> None:
    data = (KINDS | WRITTEN)[name]
    whole = seen(tmp_path, data)
    assert seen(tmp_path, data.removesuffix(END) + left).tobytes() == whole.tobytes()


@pytest.mark.parametrize("name", KINDS)
def test_one_that_lacks_pixels_is_refused(tmp_path: Path, name: str) -> None:
    data = KINDS[name]
    whole = np.asarray(seen(tmp_path, data)).astype(int)
    refused = 0
    for missing in (*range(3, 40, 2), *range(40, len(data) - 2, 37)):
        try:
            found = np.asarray(seen(tmp_path, data[:-missing])).astype(int)
        except ImageRefused as caught:
            assert caught.code == ErrorCode.TRUNCATED  # noqa: PT017 - others are shown rightly
            refused += 1
        else:
            assert np.abs(found - whole).max() == 0
    assert refused > len(data) // 60


@pytest.mark.parametrize("name", KINDS)
def test_one_that_was_not_written_to_its_end_is_refused(tmp_path: Path, name: str) -> None:
    data = KINDS[name]
    for missing in (3, 4, 10, 100):
        assert code_of(tmp_path, data[:-missing] + bytes(missing)) == ErrorCode.TRUNCATED


def test_a_scan_that_was_not_begun_is_missing(tmp_path: Path) -> None:
    data = KINDS["photo, progressive"]
    starts = [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"]
    assert len(starts) > 4
    for start in starts[1:]:
        tables = data.rfind(b"\xff\xc4", 0, start)  # of the scan that is missing
        assert code_of(tmp_path, data[:tables]) == ErrorCode.TRUNCATED
