"""Colours look in sRGB as they look by the picture's own profile or description."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tasks.imaging.colour.icc_synthesis import profile_of_code_points
from tests.unit.imaging.support.difference import mean_difference
from tests.unit.imaging.support.front import seen
from tests.unit.imaging.support.hostile import file_of
from tests.unit.imaging.support.odd import heic, with_chunks, with_code_points, ycck_jpeg
from tests.unit.imaging.support.profiles import PROFILES, grey, press, reference

UNSEEN = 1.0  # of CIEDE2000: nobody sees less
PLAIN_TO_SEE = 2.0
SIDE = 64


def colourful() -> Image.Image:
    down = Image.linear_gradient("L").resize((SIDE, SIDE))
    rings = Image.radial_gradient("L").resize((SIDE, SIDE))
    return Image.merge("RGB", (down, down.rotate(90), rings))


def inked() -> Image.Image:
    black = Image.linear_gradient("L").resize((SIDE, SIDE)).point(lambda level: level // 2)
    cyan, magenta, yellow = colourful().rotate(180).split()
    return Image.merge("CMYK", (cyan, magenta, yellow, black))


@pytest.mark.parametrize("space", PROFILES)
@pytest.mark.parametrize("written", ["PNG", "TIFF", "WEBP", "JPEG", "AVIF"])
def test_an_embedded_profile_is_followed(tmp_path: Path, space: str, written: str) -> None:
    options = {
        "WEBP": {"lossless": True},
        "JPEG": {"quality": 100, "subsampling": 0},
        "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    }
    profile, picture = PROFILES[space], colourful()
    data = file_of(picture, written, icc_profile=profile, **options.get(written, {}))
    meant = reference(picture, profile)
    assert mean_difference(seen(tmp_path, data), meant) < UNSEEN
    assert mean_difference(picture, meant) > PLAIN_TO_SEE


@pytest.mark.parametrize(
    ("space", "stored"),
    [("AdobeRGB", (219, 0, 0)), ("DisplayP3", (234, 51, 35))],
)
def test_red_of_a_wider_space_is_the_red_of_srgb(
    tmp_path: Path, space: str, stored: tuple[int, int, int]
) -> None:
    picture = Image.new("RGB", (8, 8), stored)
    data = file_of(picture, "PNG", icc_profile=PROFILES[space])
    if space == "DisplayP3":  # in the PNG chunk that names it, with its true curve
        data = with_chunks(file_of(picture, "PNG"), (b"cICP", bytes((12, 13, 0, 1))))
    red, green, blue = seen(tmp_path, data).crop((0, 0, 1, 1)).tobytes()
    assert red >= 253
    assert max(green, blue) <= 6


@pytest.mark.parametrize("written", ["TIFF", "JPEG"])
def test_print_colours_follow_their_profile(tmp_path: Path, written: str) -> None:
    options = {"quality": 98, "subsampling": 0} if written == "JPEG" else {}
    picture, profile = inked(), press()
    image = seen(tmp_path, file_of(picture, written, icc_profile=profile, **options))
    assert mean_difference(image, reference(picture, profile)) < UNSEEN
    assert mean_difference(picture.convert("RGB"), reference(picture, profile)) > PLAIN_TO_SEE


def arithmetic(picture: Image.Image) -> Image.Image:
    """Return what browsers make of inks without a profile: each takes its share of the light."""
    pixels = picture.tobytes()
    light = bytes(
        (255 - ink) * (255 - black) // 255
        for *inks, black in zip(*[iter(pixels)] * 4, strict=True)
        for ink in inks
    )
    return Image.frombytes("RGB", picture.size, light)


@pytest.mark.parametrize(
    "write",
    [
        lambda picture: file_of(picture, "JPEG", quality=98, subsampling=0),
        lambda picture: file_of(picture, "TIFF"),
        ycck_jpeg,
    ],
    ids=["inverted CMYK of a JPEG", "CMYK of a TIFF", "inverted YCCK of a JPEG"],
)
def test_print_colours_without_a_profile_are_those_of_browsers(
    tmp_path: Path, write: Callable[[Image.Image], bytes]
) -> None:
    image = seen(tmp_path, write(inked()))
    assert image.mode == "RGB"
    assert mean_difference(image, arithmetic(inked())) < UNSEEN


def test_a_profile_for_greys_is_followed_with_and_without_alpha(tmp_path: Path) -> None:
    level = Image.linear_gradient("L").resize((SIDE, SIDE))
    profile = grey(1.0)
    meant = reference(level, profile)
    assert mean_difference(level, meant) > PLAIN_TO_SEE
    normalize_mode = seen(tmp_path, file_of(level, "PNG", icc_profile=profile))
    assert normalize_mode.mode == "L"
    assert mean_difference(normalize_mode, meant) < UNSEEN
    beside = Image.merge("LA", (level, level.rotate(90)))
    both = seen(tmp_path, file_of(beside, "PNG", icc_profile=profile))
    assert mean_difference(both.convert("RGB"), meant) < UNSEEN
    assert both.getchannel("A").tobytes() == level.rotate(90).tobytes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda profile: profile[:100],
        lambda profile: profile[:-2000],
        lambda profile: profile.replace(b"acsp", b"psca"),
        lambda profile: profile.replace(b"RGB ", b"CMYK"),
        lambda profile: b"x" * 3000,
        lambda profile: profile + bytes(9 * 1024**2),
    ],
)
def test_a_damaged_or_senseless_profile_is_ignored(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    profile = damage(PROFILES["ProPhoto"])
    data = file_of(colourful(), "TIFF", icc_profile=profile)
    assert seen(tmp_path, data).tobytes() == colourful().tobytes()


@pytest.mark.parametrize(
    ("primaries", "transfer"), [(12, 13), (9, 13), (1, 8), (9, 16), (9, 18), (9, 1)]
)
@pytest.mark.parametrize("written", ["PNG", "AVIF", "HEIC"])
def test_colours_described_by_numbers_are_followed(
    tmp_path: Path, written: str, primaries: int, transfer: int
) -> None:
    picture = colourful()
    numbers = bytes((primaries, transfer, 0, 1))
    match written:
        case "PNG":
            data = with_chunks(file_of(picture, "PNG"), (b"cICP", numbers))
        case "AVIF":
            data = file_of(picture, "AVIF", quality=100, subsampling="4:4:4")
            data = with_code_points(data, primaries, transfer)
        case _:
            data = with_code_points(heic(picture, chroma=444), primaries, transfer)
    profile = profile_of_code_points(primaries, transfer)
    assert profile is not None
    meant = reference(picture, profile)
    assert mean_difference(seen(tmp_path, data), meant) < UNSEEN
    assert mean_difference(picture, meant) > PLAIN_TO_SEE


@pytest.mark.parametrize("numbers", [(2, 2), (1, 13), (1, 1), (200, 13), (12, 99)])
def test_numbers_that_say_nothing_or_srgb_change_nothing(
    tmp_path: Path, numbers: tuple[int, int]
) -> None:
    data = with_chunks(file_of(colourful(), "PNG"), (b"cICP", bytes((*numbers, 0, 1))))
    assert seen(tmp_path, data).tobytes() == colourful().tobytes()


def test_the_numbers_of_a_png_rank_before_its_profile(tmp_path: Path) -> None:
    data = file_of(colourful(), "PNG", icc_profile=PROFILES["ProPhoto"])
    described = with_chunks(data, (b"cICP", bytes((12, 13, 0, 1))))
    profile = profile_of_code_points(12, 13)
    assert profile is not None
    meant = reference(colourful(), profile)
    assert mean_difference(seen(tmp_path, described), meant) < UNSEEN
    assert mean_difference(seen(tmp_path, data), meant) > PLAIN_TO_SEE


def gamma(value: int) -> tuple[bytes, bytes]:
    return b"gAMA", value.to_bytes(4, "big")


def test_the_gamma_of_a_png_is_followed(tmp_path: Path) -> None:
    data = with_chunks(file_of(colourful(), "PNG"), gamma(100_000))
    assert mean_difference(seen(tmp_path, data), reference(colourful(), PROFILES["linear"])) < 1
    level = Image.new("L", (8, 8), 55)  # a linear 55 of 255 is 128 on a screen
    found = seen(tmp_path, with_chunks(file_of(level, "PNG"), gamma(100_000)))
    assert found.mode == "L"
    assert abs(found.tobytes()[0] - 128) <= 1


def test_the_gamma_of_common_screens_and_an_srgb_chunk_change_nothing(tmp_path: Path) -> None:
    normalize_mode = file_of(colourful(), "PNG")
    for chunks in ([gamma(45_455)], [(b"sRGB", b"\0"), gamma(100_000)]):
        assert (
            seen(tmp_path, with_chunks(normalize_mode, *chunks)).tobytes() == colourful().tobytes()
        )


@pytest.mark.parametrize("numbers", [[0] * 8, [1] * 8, [31270, 32900, *[33_000] * 6]])
def test_senseless_chromaticities_are_ignored(tmp_path: Path, numbers: list[int]) -> None:
    body = b"".join(number.to_bytes(4, "big") for number in numbers)
    data = with_chunks(file_of(colourful(), "PNG"), gamma(60_000), (b"cHRM", body))
    assert seen(tmp_path, data).size == (SIDE, SIDE)
