"""Animations are counted without decoding, and shown frame by frame as a viewer sees them."""

from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image

from infra.contract.errors import ErrorCode, ImageRefused
from tasks.imaging.animation.frames import frames, is_moving, plays
from tasks.imaging.checks.frame_count import measure
from tasks.imaging.decode.open import open_picture
from tasks.imaging.decode.source import Original
from tasks.imaging.formats.avif_sequence import sequence_plays, settle_sequence
from tasks.imaging.formats.detect import HEADER_BYTES, ImageFormat, sniff
from tasks.imaging.presets.model import FIRST_FRAME, Animated
from tests.unit.imaging.support.front import LIMITS, known
from tests.unit.imaging.support.hostile import file_of

RED, GREEN, BLUE = (200, 0, 0, 255), (0, 200, 0, 255), (0, 0, 200, 255)
NOTHING = (0, 0, 0, 0)
SIZE = (20, 10)
MOVING = ["GIF", "PNG", "WEBP", "AVIF"]
ALL = Animated(max_frames=10, max_seconds=10.0)
WANTED = 10


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
    return opened_with(data)[0]


def opened_with(data: bytes) -> tuple[Image.Image, Original]:
    image_format = sniff(data[:HEADER_BYTES])
    assert image_format is not None
    length = measure(data, image_format, LIMITS.max_frames)
    original = Original(data, image_format, sha256(data).hexdigest(), length)
    return open_picture(original, LIMITS), original


def shown(data: bytes, count: int = WANTED) -> list[tuple[Image.Image, int]]:
    """Return the frames, and for how many milliseconds each is shown."""
    found = frames(opened(data), count, max_pixels=LIMITS.max_pixels)
    return [(frame.picture.convert("RGBA"), frame.milliseconds) for frame in found]


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
    assert not is_moving(facts, Animated(max_megapixels=3 * 199 / 1_000_000))
    assert is_moving(facts, Animated(max_megapixels=3 * 200 / 1_000_000))


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
    found = shown(animation(written))
    assert [milliseconds for _, milliseconds in found] == [200, 200, 200]
    assert [picture.size for picture, _ in found] == [SIZE] * 3
    sides = [centres(picture) for picture, _ in found]
    assert near(sides[0][0], RED)
    assert near(sides[1][1], GREEN)
    assert near(sides[2][0], BLUE)
    assert sides[2][1][3] == 0, "nothing of the frames before is left"


@pytest.mark.parametrize("written", MOVING)
def test_the_first_frame_can_be_had_alone(written: str) -> None:
    assert len(shown(animation(written), 1)) == 1


def test_the_pages_of_a_tiff_and_the_views_of_a_phone_do_not_move(tmp_path: Path) -> None:
    for written in ("TIFF", "MPO"):
        first, second = (Image.new("RGB", SIZE, colour) for colour in ("red", "blue"))
        data = file_of(first, written, save_all=True, append_images=[second])
        facts, image = known(tmp_path, data)
        assert facts.frames == 1
        assert image.convert("RGB").getpixel((5, 5))[0] > 200  # type: ignore[index]  # RGB
        assert len(shown(data)) == 1


def test_a_still_picture_for_old_viewers_is_no_frame() -> None:
    first, second = (Image.new("RGB", SIZE, colour) for colour in ("red", "blue"))
    data = file_of(first, "PNG", save_all=True, append_images=[second, first], default_image=True)
    assert [centres(picture)[0][2] for picture, _ in shown(data)] == [255, 0]


@pytest.mark.parametrize("stated", [0, 10])
def test_a_frame_in_a_hurry_is_shown_as_long_as_browsers_show_it(
    tmp_path: Path, stated: int
) -> None:
    first, second = (Image.new("RGB", SIZE, colour) for colour in ("red", "blue"))
    data = file_of(first, "GIF", save_all=True, append_images=[second], duration=stated)
    assert {milliseconds for _, milliseconds in shown(data)} == {100}
    assert known(tmp_path, data)[0].seconds == pytest.approx(0.2)


def test_a_frame_beyond_the_canvas_is_cut_at_its_edge() -> None:
    found = shown(enlarging_gif(60, 40))
    assert [picture.size for picture, _ in found] == [SIZE, SIZE]


def test_a_frame_that_would_enlarge_the_picture_beyond_the_limit_is_refused() -> None:
    with pytest.raises(ImageRefused) as caught:
        list(frames(opened(enlarging_gif(9000, 9000)), WANTED, max_pixels=LIMITS.max_pixels))
    assert caught.value.code == ErrorCode.TOO_MANY_PIXELS


def enlarging_gif(width: int, height: int) -> bytes:
    """Return a GIF whose second frame is larger than its canvas."""
    small, large = (file_of(Image.new("P", size, 1), "GIF") for size in (SIZE, (width, height)))
    return small[:-1] + large[large.index(b",\0\0\0\0") :]


PLAYS = [
    *[("GIF", stated, told) for stated, told in ((None, 1), (0, 0), (4, 5))],
    *[("PNG", stated, told) for stated, told in ((0, 0), (1, 1), (4, 4))],
    *[("WEBP", stated, told) for stated, told in ((0, 0), (1, 1), (4, 4))],
]


@pytest.mark.parametrize(("written", "stated", "told"), PLAYS)
def test_how_often_an_animation_is_shown_is_read(
    written: str, stated: int | None, told: int
) -> None:
    first, second = (Image.new("RGB", SIZE, colour) for colour in ("red", "blue"))
    options = {} if stated is None else {"loop": stated}
    data = file_of(first, written, save_all=True, append_images=[second], duration=200, **options)
    image, original = opened_with(data)
    assert plays(image, original) == told


@pytest.mark.parametrize("times", [0, 1, 3])
def test_an_avif_says_how_often_it_is_shown_and_not_when_it_was_written(times: int) -> None:
    data = settle_sequence(animation("AVIF"), times)
    assert sequence_plays(data) == times
    later = data.replace(b"mvhd\x01\0\0\0" + bytes(16), b"mvhd\x01\0\0\0" + bytes(range(16)))
    assert later != data
    assert settle_sequence(later, times) == data
    assert [milliseconds for _, milliseconds in shown(data)] == [200, 200, 200]


@pytest.mark.parametrize("written", MOVING)
def test_an_animation_cut_anywhere_is_counted_without_a_crash(tmp_path: Path, written: str) -> None:
    data, image_format = animation(written), ImageFormat(written.lower())
    for length in range(0, len(data), 7):
        assert measure(data[:length], image_format, 10).frames in (1, 2, 3)
