"""Animations are counted without decoding, and shown frame by frame as a viewer sees them."""

from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image

from tasks.imaging.count import measure
from tasks.imaging.decode import open_picture
from tasks.imaging.frames import frames, is_moving
from tasks.imaging.original import Original
from tasks.imaging.preset import FIRST_FRAME, Animated
from tasks.imaging.sniff import HEADER_BYTES, ImageFormat, sniff
from tests.unit.imaging.front import LIMITS, known
from tests.unit.imaging.hostile import file_of

RED, GREEN, BLUE = (200, 0, 0, 255), (0, 200, 0, 255), (0, 0, 200, 255)
NOTHING = (0, 0, 0, 0)
SIZE = (20, 10)
MOVING = ["GIF", "PNG", "WEBP", "AVIF"]
ALL = Animated(max_frames=10, max_seconds=10.0)


def scenes(*, cornered: bool) -> list[Image.Image]:
    """Return three pictures; the last is half transparent, so that traces would show."""
    pictures = [Image.new("RGBA", SIZE, colour) for colour in (RED, GREEN, NOTHING)]
    pictures[2].paste(BLUE, (0, 0, 10, 10))
    if cornered:
        for picture in pictures:
            picture.putpixel((0, 0), NOTHING)
    return pictures


def animation(written: str) -> bytes:
    # Pillow clears a frame of a GIF to transparency where the frame has some of its own.
    first, *others = scenes(cornered=written == "GIF")
    options = {
        "GIF": {"disposal": 2},
        "PNG": {"disposal": 1, "blend": 0},
        "WEBP": {"lossless": True},
        "AVIF": {"quality": 100},
    }
    return file_of(
        first, written, save_all=True, append_images=others, duration=200, **options[written]
    )


def opened(data: bytes) -> Image.Image:
    image_format = sniff(data[:HEADER_BYTES])
    assert image_format is not None
    length = measure(data, image_format, LIMITS.max_frames)
    original = Original(data, image_format, sha256(data).hexdigest(), length)
    return open_picture(original, LIMITS)


def centres(picture: Image.Image) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the pixels in the middle of the left and of the right half."""
    left, right = (tuple(picture.crop((x, 5, x + 1, 6)).tobytes()) for x in (5, 15))
    return left, right


def near(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(abs(a - b) <= 4 for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("written", MOVING)
def test_the_frames_and_seconds_of_an_animation_are_told(tmp_path: Path, written: str) -> None:
    facts, _ = known(tmp_path, animation(written))
    assert (facts.frames, round(facts.seconds, 2)) == (3, 0.6)
    assert is_moving(facts, ALL)
    assert not is_moving(facts, FIRST_FRAME)
    assert not is_moving(facts, Animated(max_frames=2, max_seconds=10.0))
    assert not is_moving(facts, Animated(max_frames=10, max_seconds=0.5))


@pytest.mark.parametrize("written", [*MOVING, "JPEG", "TIFF", "BMP"])
def test_a_still_picture_has_one_frame(tmp_path: Path, written: str) -> None:
    facts, _ = known(tmp_path, file_of(Image.new("RGB", SIZE), written))
    assert (facts.frames, facts.seconds) == (1, 0.0)
    assert not is_moving(facts, ALL)


@pytest.mark.parametrize("written", MOVING)
def test_the_first_frame_is_what_a_still_picture_shows(tmp_path: Path, written: str) -> None:
    _, image = known(tmp_path, animation(written))
    assert near(centres(image.convert("RGBA"))[1], RED)


@pytest.mark.parametrize("written", MOVING)
def test_each_frame_is_the_whole_picture_at_its_time(written: str) -> None:
    shown = list(frames(opened(animation(written)), ALL))
    assert [frame.milliseconds for frame in shown] == [200, 200, 200]
    assert [frame.picture.size for frame in shown] == [SIZE] * 3
    sides = [centres(frame.picture) for frame in shown]
    assert near(sides[0][0], RED)
    assert near(sides[1][1], GREEN)
    assert near(sides[2][0], BLUE)
    assert sides[2][1][3] == 0, "nothing of the frames before is left"


@pytest.mark.parametrize("written", MOVING)
def test_no_more_frames_are_decoded_than_wanted(written: str) -> None:
    data = animation(written)
    assert len(list(frames(opened(data), FIRST_FRAME))) == 1
    assert len(list(frames(opened(data), Animated(max_frames=2, max_seconds=10.0)))) == 2


def test_the_pages_of_a_tiff_and_the_views_of_a_phone_do_not_move(tmp_path: Path) -> None:
    for written in ("TIFF", "MPO"):
        first, second = (Image.new("RGB", SIZE, colour) for colour in ("red", "blue"))
        data = file_of(first, written, save_all=True, append_images=[second])
        facts, image = known(tmp_path, data)
        assert facts.frames == 1
        assert image.convert("RGB").getpixel((5, 5))[0] > 200  # type: ignore[index]  # RGB
        assert len(list(frames(opened(data), ALL))) == 1


def test_a_still_picture_for_old_viewers_is_no_frame() -> None:
    first, second = (Image.new("RGB", SIZE, colour) for colour in ("red", "blue"))
    data = file_of(first, "PNG", save_all=True, append_images=[second, first], default_image=True)
    shown = list(frames(opened(data), ALL))
    assert [centres(frame.picture)[0][2] for frame in shown] == [255, 0]


def test_a_frame_without_a_time_is_shown_as_long_as_browsers_show_it() -> None:
    first, second = (Image.new("RGB", SIZE, colour) for colour in ("red", "blue"))
    data = file_of(first, "GIF", save_all=True, append_images=[second], duration=0)
    assert {frame.milliseconds for frame in frames(opened(data), ALL)} == {100}


@pytest.mark.parametrize("written", MOVING)
def test_an_animation_cut_anywhere_is_counted_without_a_crash(tmp_path: Path, written: str) -> None:
    data, image_format = animation(written), ImageFormat(written.lower())
    for length in range(0, len(data), 7):
        assert measure(data[:length], image_format, 10).frames in (1, 2, 3)
