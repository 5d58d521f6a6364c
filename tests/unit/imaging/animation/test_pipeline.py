"""Animations stay animations, in the formats that can move, at every size."""

import struct
import tempfile
import zlib
from contextlib import closing
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from infra.contract.errors import ErrorCode, ImageRefused, PixelsFailed
from tasks.imaging.animation.frame_store import FrameStore, Scene
from tasks.imaging.animation.verify import MeantToMove, verify_moving
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.models import Limits
from tasks.imaging.pipeline import render
from tasks.imaging.presets.fingerprint import policy_fingerprint
from tasks.imaging.presets.model import FIRST_FRAME, Animated, Box, Fit, FixedQuality, Trim
from tests.amount import amount
from tests.unit.imaging.support.hostile import PAYLOAD, apng_of, gif_of, webp_of
from tests.unit.imaging.support.moving import animation, difference, keeping, made, played, turning
from tests.unit.imaging.support.pictures import LIMITS, oriented

WEBP, AVIF, JPEG, PNG = ImageFormat.WEBP, ImageFormat.AVIF, ImageFormat.JPEG, ImageFormat.PNG
BOTH = [WEBP, AVIF]
GOOD = FixedQuality(80)
ALL = keeping(AVIF, WEBP, JPEG, PNG, quality=GOOD, drop_larger=False)
TIMES = [50, 120, 300]
GREEN = (0, 200, 0, 255)


@pytest.mark.parametrize("written", ["GIF", "PNG", "WEBP", "AVIF"])
def test_frames_and_times_are_kept_where_the_format_can_move(tmp_path: Path, written: str) -> None:
    pictures = turning(3)
    data = animation(pictures, written, duration=TIMES)
    rendition = made(tmp_path, data, ALL)
    names = [f"w{width}-{each.value}" for width in (100, 50) for each in (AVIF, WEBP, JPEG, PNG)]
    assert [each.name for each in rendition.variants] == names
    for file in rendition.variants:
        frames = played(file)
        moves = file.format in BOTH
        assert (file.frames, len(frames)) == ((3, 3) if moves else (1, 1))
        assert file.seconds == (0.47 if moves else 0.0)
        if moves:
            assert [milliseconds for _, milliseconds in frames] == TIMES
        for (found, _), picture in zip(frames, pictures, strict=False):
            assert difference(found, picture.resize(found.size)) < 12


def test_a_preset_that_does_not_ask_for_it_shows_the_first_frame(tmp_path: Path) -> None:
    data = animation(turning(3), "GIF")
    rendition = made(tmp_path, data, replace(ALL, animation=FIRST_FRAME))
    assert {each.frames for each in rendition.variants} == {1}
    assert rendition.source.frames == 3


@pytest.mark.parametrize(
    "limits", [Animated(max_frames=2), Animated(max_seconds=0.3), Animated(max_megapixels=0.03)]
)
def test_what_is_longer_than_the_policy_allows_is_its_first_frame(
    tmp_path: Path, limits: Animated
) -> None:
    data = animation(turning(3), "GIF")
    rendition = made(tmp_path, data, replace(ALL, animation=limits))
    assert {each.frames for each in rendition.variants} == {1}


@pytest.mark.parametrize("written", ["GIF", "PNG"])
def test_holes_stay_holes_and_leave_no_traces(tmp_path: Path, written: str) -> None:
    pictures = []
    for left in (0, 40, 80):
        picture = Image.new("RGBA", (120, 90), (0, 0, 0, 0))
        picture.paste(GREEN, (left, 0, left + 40, 90))
        pictures.append(picture)
    options = {"GIF": {"disposal": 2}, "PNG": {"disposal": 1, "blend": 0}}[written]
    sharp_and_soft = replace(ALL, boxes=(Box(width=120), Box(width=50)))
    for file in made(tmp_path, animation(pictures, written, **options), sharp_and_soft).variants:
        for (found, _), picture in zip(played(file), pictures, strict=False):
            wanted = picture.resize(found.size)
            if file.format is JPEG:
                assert found.getpixel((file.width - 1, 5)) >= (250, 250, 250)  # type: ignore[operator]  # RGBA
            else:
                assert difference(found, wanted) < 6


@pytest.mark.parametrize("blend", [0, 1])
@pytest.mark.parametrize("disposal", [0, 1, 2])
def test_frames_are_laid_over_those_before_as_the_file_says(
    tmp_path: Path, disposal: int, blend: int
) -> None:
    ground, patch = Image.new("RGBA", (120, 90), GREEN), Image.new("RGBA", (120, 90))
    patch.paste((0, 0, 200, 255), (0, 0, 60, 90))
    data = animation([ground, patch, ground], "PNG", disposal=disposal, blend=blend)
    with Image.open(BytesIO(data)) as image:
        image.seek(1)
        wanted = image.convert("RGBA")
    rendition = made(tmp_path, data, keeping(WEBP, quality=GOOD))
    found = played(rendition.variants[0])[1][0]
    assert difference(found, wanted.resize(found.size)) < 6


@pytest.mark.parametrize(("stated", "told"), [(None, 1), (0, 0), (2, 3)])
def test_it_is_shown_as_often_as_the_source(tmp_path: Path, stated: int, told: int) -> None:
    data = animation(turning(2), "GIF", loop=stated)
    for file in made(tmp_path, data, keeping(WEBP, AVIF, quality=GOOD)).variants:
        again = keeping(WEBP, quality=GOOD)
        copied = made(tmp_path, file.path.read_bytes(), again).variants[0]
        with Image.open(copied.path) as image:
            assert image.info["loop"] == told


def test_frames_that_look_the_same_are_one_that_lasts_longer(tmp_path: Path) -> None:
    first, second = turning(2)
    data = animation([first, first.copy(), second], "WEBP", lossless=True, duration=[100, 90, 80])
    for file in made(tmp_path, data, keeping(WEBP, AVIF, quality=GOOD)).variants:
        assert [milliseconds for _, milliseconds in played(file)] == [190, 80]


def test_frames_that_an_encoder_takes_for_the_same_leave_a_still_picture(tmp_path: Path) -> None:
    pictures = [Image.new("RGB", (120, 90), (90, 120, shade)) for shade in (150, 151)]
    data = animation(pictures, "WEBP", lossless=True)
    quality = FixedQuality(40)
    preset = keeping(WEBP, quality=quality)
    encodings = tuple(replace(each, lossless_graphics=False) for each in preset.encodings)
    for file in made(tmp_path, data, replace(preset, encodings=encodings)).variants:
        assert (file.frames, file.seconds) == (1, 0.0)


@pytest.mark.parametrize("builder", [gif_of, webp_of, apng_of])
def test_an_animation_of_which_all_frames_look_the_same_is_a_still_picture(
    tmp_path: Path, builder: type
) -> None:
    rendition = made(tmp_path, builder(20), ALL)
    assert {each.frames for each in rendition.variants} == {1}


def test_a_declared_flood_of_frames_is_refused_before_any_is_decoded(tmp_path: Path) -> None:
    with pytest.raises(ImageRefused) as caught:
        made(tmp_path, gif_of(LIMITS.max_frames + 1), ALL)
    assert caught.value.code == ErrorCode.TOO_MANY_FRAMES


@pytest.mark.parametrize("claimed", [4, 2**31 - 1])
def test_more_frames_claimed_than_there_are_is_a_cut_file(tmp_path: Path, claimed: int) -> None:
    with pytest.raises(ImageRefused) as caught:
        made(tmp_path, apng_claiming(claimed), keeping(WEBP, quality=GOOD))
    assert caught.value.code == ErrorCode.TRUNCATED


def apng_claiming(count: int) -> bytes:
    """Return an APNG of three frames whose header claims others."""
    data = animation(turning(3), "PNG")
    place = data.index(b"acTL")
    body = b"acTL" + struct.pack(">I", count) + data[place + 8 : place + 12]
    return data[:place] + body + struct.pack(">I", zlib.crc32(body)) + data[place + 16 :]


@pytest.mark.parametrize("written", ["GIF", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_cut_animation_is_refused_and_never_shown_in_part(
    tmp_path: Path, written: str, share: float
) -> None:
    data = animation(turning(4), written)
    with pytest.raises(ImageRefused) as caught:
        made(tmp_path, data[: round(len(data) * share)], keeping(WEBP, quality=GOOD))
    assert caught.value.code in (ErrorCode.TRUNCATED, ErrorCode.CORRUPT)


def test_nothing_that_the_source_says_is_in_a_moving_variant(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = PAYLOAD.decode()
    sources = {
        "WEBP": {"exif": exif, "xmp": PAYLOAD},
        "GIF": {"comment": PAYLOAD},
        "AVIF": {"exif": exif, "xmp": PAYLOAD},
    }
    for written, options in sources.items():
        data = animation(turning(2), written, **options)
        assert PAYLOAD in data
        for file in made(tmp_path, data + PAYLOAD, ALL).variants:
            assert PAYLOAD not in file.path.read_bytes()
            with Image.open(file.path) as image:
                assert not dict(image.getexif())
                assert {"xmp", "comment", "exif", "icc_profile"}.isdisjoint(image.info)


def test_whose_animation_it_is_stays_on_demand(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Jane Doe"
    exif[ExifTags.Base.Make] = "A camera"
    data = animation(turning(2), "WEBP", exif=exif)
    for file in made(tmp_path, data, replace(ALL, keep_copyright=True)).variants:
        with Image.open(file.path) as image:
            assert dict(image.getexif()) == {ExifTags.Base.Artist: "Jane Doe"}, file.name


def test_equal_animations_give_equal_bytes(tmp_path: Path) -> None:
    data = animation(turning(3), "GIF")
    runs = [[each.sha256 for each in made(tmp_path, data, ALL).variants] for _ in range(2)]
    assert runs[0] == runs[1]


def test_frames_are_turned_upright_like_a_picture(tmp_path: Path) -> None:
    pictures = [each.transpose(Image.Transpose.ROTATE_90) for each in turning(2)]
    data = animation(pictures, "WEBP", exif=oriented(6), lossless=True)
    file = made(tmp_path, data, keeping(WEBP, quality=GOOD)).variants[0]
    for (found, _), upright in zip(played(file), turning(2), strict=True):
        assert difference(found, upright.resize(found.size)) < 12


def test_a_border_is_cut_off_only_where_no_frame_needs_it(tmp_path: Path) -> None:
    pictures = []
    for left in (20, 80):
        picture = Image.new("RGB", (160, 120), "white")
        picture.paste((0, 0, 200), (left, 40, left + 40, 80))
        pictures.append(picture)
    preset = keeping(WEBP, quality=GOOD, trim=Trim(), boxes=(Box(width=400),))
    file = made(tmp_path, animation(pictures, "GIF"), preset).variants[0]
    assert (file.width, file.height) == (100, 40)


@pytest.mark.parametrize("fit", [Fit.COVER, Fit.PAD])
def test_boxes_are_filled_in_every_frame(tmp_path: Path, fit: Fit) -> None:
    preset = keeping(WEBP, AVIF, quality=GOOD, fit=fit, boxes=(Box(60, 60),), sharpen=0.5)
    for file in made(tmp_path, animation(turning(3), "GIF"), preset).variants:
        assert (file.frames, {found.size for found, _ in played(file)}) == (3, {(60, 60)})


def test_the_policy_is_part_of_the_fingerprint() -> None:
    policies = [FIRST_FRAME, Animated(), Animated(max_frames=2), Animated(max_megapixels=9)]
    names = {policy_fingerprint(replace(ALL, animation=policy)) for policy in policies}
    assert len(names) == len(policies)


def test_a_file_that_shows_something_else_does_not_pass(tmp_path: Path) -> None:
    right = turning(3)
    wrong = [right[0], Image.new("RGB", right[0].size, "black"), right[2]]
    with closing(FrameStore(tmp_path)) as frame_store:
        for picture in right:
            frame_store.add(picture, 100)
        meant = MeantToMove.of(Scene(frame_store, lambda picture: picture, 0))
    late, blank, short, good = (
        animation(right, "WEBP", duration=[100, 120, 80]),
        animation(wrong, "WEBP", duration=100),
        animation(right[:2], "WEBP", duration=100),
        animation(right, "WEBP", duration=100),
    )
    path = tmp_path / "file.webp"
    path.write_bytes(good)
    assert verify_moving(path, WEBP, meant).frames == 3
    for data in (late, blank, short):
        path.write_bytes(data)
        with pytest.raises(PixelsFailed):
            verify_moving(path, WEBP, meant)


@settings(
    max_examples=amount(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    times=st.lists(st.integers(0, 400), min_size=2, max_size=5),
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    written=st.sampled_from(["GIF", "PNG", "WEBP"]),
    alpha=st.sampled_from([255, 120]),
)
def test_any_animation_lasts_as_long_as_browsers_show_it(
    times: list[int], size: tuple[int, int], written: str, alpha: int
) -> None:
    pictures = []
    for number in range(len(times)):
        picture = Image.new("RGBA", size, (40 * number, 250 - 40 * number, 90, alpha))
        pictures.append(picture)
    if written == "GIF":
        times = [time // 10 * 10 for time in times]
        pictures = [picture.convert("RGB") for picture in pictures]
    wanted = sum(time if time > 10 else 100 for time in times)
    options = {"lossless": True} if written == "WEBP" else {}
    data = animation(pictures, written, duration=times, **options)
    with tempfile.TemporaryDirectory() as directory:
        for file in made(Path(directory), data, keeping(WEBP, AVIF, quality=GOOD)).variants:
            assert sum(milliseconds for _, milliseconds in played(file)) == wanted


def test_a_frame_too_large_for_the_limit_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(animation(turning(2), "GIF"))
    with pytest.raises(ImageRefused) as caught:
        render(source, tmp_path, ALL, limits=Limits(max_pixels=120 * 90 - 1))
    assert caught.value.code == ErrorCode.TOO_MANY_PIXELS
