"""A TIFF is shown as it is meant, or refused by name: a layout is never guessed."""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from infra.contract.errors import ErrorCode, ImageRefused
from tasks.imaging.models import Limits
from tests.unit.imaging.support.front import code_of, known, seen
from tests.unit.imaging.support.tiff_second_opinions import answers, asked_about, mark
from tests.unit.imaging.support.tiff_table import (
    CMYK,
    COLOURS,
    OPACITY,
    RGB,
    UNASSOCIATED,
    Case,
    representative_cases,
)
from tests.unit.imaging.support.tiffs import DEFLATE, LZW, Samples, Tag, Written, tiff_of

CASES = representative_cases()
ORIENTATION, PROFILE = 274, 34675
SAME_PICTURE = 9  # levels; their arithmetic rounds differently
# What other decoders agree upon and the standard does not, or where they show nothing right.
ALONE = re.compile(
    r"white is zero (3|6|10|12|14)$"  # ImageMagick, the only one to read them, shows a negative
    r"|, unspecified$|with more and opacity$"  # taken for opacity; its meaning is unknown
    r"|planar 2.*: greys (8|16), (un)?associated$"  # the second plane is not looked for
    r"|signed greys 32$|broken greys 32, white is zero$"  # white is taken for another level
)
PLANES = Written(RGB, bits=16, planar=2)
LEVELS: Samples = np.rint(COLOURS * 65_535)


def assert_shown(directory: Path, case: Case) -> None:
    """Compare what is seen of a layout with what it is meant to show."""
    facts, image = known(directory, case.data)
    found = np.asarray(image.convert("RGBA")).astype(int)
    assert case.shown is not None
    assert found.shape == case.shown.shape
    assert np.abs(found - case.shown).max() <= case.tolerance
    assert facts.has_alpha == bool((case.shown[..., 3] < 255).any())


def assert_refused(directory: Path, case: Case) -> None:
    """Check that a layout is refused by its name, and not as damaged."""
    with pytest.raises(ImageRefused) as caught:
        known(directory, case.data)
    assert caught.value.code == ErrorCode.UNSUPPORTED_FORMAT
    assert caught.value.detail.startswith("The TIFF stores ")
    assert "damaged" not in caught.value.detail


def test_other_decoders_see_the_same() -> None:
    assert_others_see(CASES)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.shown is not None])
def test_a_layout_is_shown_as_it_is_meant(tmp_path: Path, name: str) -> None:
    assert_shown(tmp_path, CASES[name])


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.shown is None])
def test_any_other_layout_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    assert_refused(tmp_path, CASES[name])


def assert_others_see(cases: Iterable[str]) -> None:
    """Check that the answers of other decoders are of these cases, and the same picture."""
    told, asked = answers(), asked_about()
    assert told.keys() == asked.keys()
    for name in told.keys() & set(cases):
        case = asked[name]
        marked, differences = told[name]
        assert marked == mark(case), f"{name}: run tests.unit.imaging.support.tiff_second_opinions"
        if not ALONE.search(name):
            assert min(differences.values()) <= SAME_PICTURE, name


@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_is_unpacked_is_turned_as_it_says(tmp_path: Path, orientation: int) -> None:
    tag = Tag(ORIENTATION, 3, [orientation])
    unusual = tiff_of(LEVELS, replace(PLANES, order=">", more=(tag,)))
    usual = tiff_of(LEVELS, replace(PLANES, planar=1, more=(tag,)))
    facts, image = known(tmp_path, unusual)
    assert facts.orientation == orientation
    assert (facts.width, facts.height) == image.size
    assert image.tobytes() == seen(tmp_path, usual).tobytes()


def test_what_is_unpacked_keeps_its_profile(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    other = (Tag(PROFILE, 7, profile),)  # which is for other pixels, and is ignored
    normalize_mode = seen(tmp_path, tiff_of(LEVELS, PLANES))
    assert (
        seen(tmp_path, tiff_of(LEVELS, replace(PLANES, more=other))).tobytes()
        == normalize_mode.tobytes()
    )
    turned = (Tag(PROFILE, 7, _swapped_profile()),)
    planes = seen(tmp_path, tiff_of(LEVELS, replace(PLANES, more=turned)))
    together = seen(tmp_path, tiff_of(LEVELS, replace(PLANES, planar=1, more=turned)))
    assert planes.tobytes() == together.tobytes() != normalize_mode.tobytes()


def _swapped_profile() -> bytes:
    """Return sRGB with red and blue exchanged."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"xxxx").replace(b"bXYZ", b"rXYZ").replace(b"xxxx", b"bXYZ")


def test_inks_beside_an_opacity_follow_their_profile_as_inks_alone_do(tmp_path: Path) -> None:
    inks = np.concatenate((1 - COLOURS, np.zeros_like(OPACITY)), axis=2)
    beside = np.rint(np.concatenate((inks, OPACITY), axis=2) * 255)
    layout = Written(CMYK, extra=UNASSOCIATED, more=(Tag(PROFILE, 7, b"no profile at all"),))
    image = seen(tmp_path, tiff_of(beside, layout))
    alone = seen(tmp_path, tiff_of(beside[..., :4], replace(layout, extra=())))
    assert image.convert("RGB").tobytes() == alone.tobytes()


@pytest.mark.parametrize("compression", [1, LZW, DEFLATE])
def test_planes_that_are_cut_short_are_refused_as_damaged(tmp_path: Path, compression: int) -> None:
    data = tiff_of(LEVELS, replace(PLANES, compression=compression))
    whole = len(data)
    for length in range(whole - 1, 8, -max(1, whole // 30)):
        assert code_of(tmp_path, data[:length]) in (ErrorCode.TRUNCATED, ErrorCode.CORRUPT)


def test_size_is_judged_before_planes_are_unpacked(tmp_path: Path) -> None:
    data = tiff_of(LEVELS, PLANES)
    limits = Limits(max_pixels=LEVELS.shape[0] * LEVELS.shape[1] - 1)
    assert code_of(tmp_path, data, limits) == ErrorCode.TOO_MANY_PIXELS


@pytest.mark.parametrize("side", [65_536, 2**31])
def test_tiles_that_dwarf_the_picture_are_refused(tmp_path: Path, side: int) -> None:
    data = tiff_of(LEVELS, replace(PLANES, tile=(32, 16)))
    width = data.replace(
        b"\x42\x01\x04\0\x01\0\0\0\x20\0\0\0",
        b"\x42\x01\x04\0\x01\0\0\0" + side.to_bytes(4, "little"),
    )
    tall = width.replace(
        b"\x43\x01\x04\0\x01\0\0\0\x10\0\0\0",
        b"\x43\x01\x04\0\x01\0\0\0" + side.to_bytes(4, "little"),
    )
    assert len({data, width, tall}) == 3
    assert code_of(tmp_path, tall) == ErrorCode.UNSUPPORTED_FORMAT


def test_whole_numbers_beyond_the_signed_ones_are_bright(tmp_path: Path) -> None:
    levels = np.array([[[0], [2**31], [2**32 - 1]]])
    image = seen(tmp_path, tiff_of(levels, Written(1, bits=32)))
    assert tuple(image.tobytes()) == (0, 128, 255)


def test_the_refusal_names_the_layout(tmp_path: Path) -> None:
    with pytest.raises(ImageRefused) as caught:
        seen(tmp_path, CASES["little-endian, strips, planar 2: broken RGB 32"].data)
    named = "RGB of 3 samples of 32 floating point bits in separate planes"
    assert named in caught.value.detail


def test_jpeg_in_a_tiff_is_shown(tmp_path: Path) -> None:
    picture = Image.fromarray(np.full((16, 16, 3), (200, 60, 90), np.uint8))
    source = tmp_path / "jpeg.tif"
    picture.save(source, compression="jpeg")
    found = seen(tmp_path, source.read_bytes()).getpixel((8, 8))
    assert isinstance(found, tuple)
    assert all(abs(a - b) <= 3 for a, b in zip(found, (200, 60, 90), strict=True))
