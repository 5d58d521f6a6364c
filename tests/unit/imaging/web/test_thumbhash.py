"""ThumbHash: byte for byte what its author's own JavaScript (0.1.1) gives, both ways."""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO

import pytest
from PIL import Image

from tasks.imaging.web.placeholder import draw, is_see_through, placeholder
from tasks.imaging.web.thumbhash import thumbhash

AUTHORS_SIDE_PX = 32
OPAQUE = 255


@dataclass(frozen=True)
class Vector:
    """A picture, its hash, and what the hash looks like: size, and start of the pixels' SHA-256."""

    width: int
    height: int
    thumbhash: str
    look: tuple[int, int, str]
    has_alpha: bool = False


VECTORS = [
    Vector(64, 48, "kfcFLYCDd3eAiIh3h3h4d42Pp7+1", (32, 23, "0206288473d16390")),
    Vector(31, 77, "EgcGQwB2cHeIhnh3eX/nLg4=", (14, 32, "e04bcb0f89c41dc6")),
    Vector(90, 100, "lgUKVgB0dweHh3d4eHeId3eHi4+IT4o=", (27, 32, "264ef85154dfa078")),
    Vector(100, 17, "0PcFKYBwh3d1eIh4f3r4yQY=", (32, 5, "abdd0fdbdff33eaf")),
    Vector(
        40, 40, "DwiCFQAIdYdwiId4eHx/53/UNnaXqjrMBw==", (32, 32, "b93a0d5b4052e11f"), has_alpha=True
    ),
    Vector(
        50, 20, "jgiCCoAIgIZwaHiPfci/U2hobPZG6tU=", (32, 13, "f869f642002fe763"), has_alpha=True
    ),
    Vector(9, 60, "EAiCGQAHl3B4Z4eIf4iQqTtQTHh7h1k=", (6, 32, "38d64e456d3af3c5"), has_alpha=True),
]
every_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda each: each.thumbhash[:6])


def level(x: int, y: int, times: int) -> int:
    return (x * x * times + y * 7 * x + 11 * y * y * times + 5 * x + 90 * times) % 256


def pixels(vector: Vector) -> bytes:
    """Return a picture that any language can compute."""
    return bytes(
        channel
        for y in range(vector.height)
        for x in range(vector.width)
        for channel in (
            (level(x, y, 1) + 3 * x) % 256 // 2,
            level(x, y, 3) // 2,
            min(255, 2 * y + x),
            level(x, y, 2) if vector.has_alpha else OPAQUE,
        )
    )


def encoded(width: int, height: int, rgba: bytes) -> str:
    return b64encode(thumbhash(width, height, rgba)).decode()


@every_vector
def test_the_hash_is_the_author_s(vector: Vector) -> None:
    assert encoded(vector.width, vector.height, pixels(vector)) == vector.thumbhash


@every_vector
def test_the_drawing_is_the_author_s(vector: Vector) -> None:
    drawn = draw(b64decode(vector.thumbhash), AUTHORS_SIDE_PX)
    assert (drawn.width, drawn.height, sha256(drawn.rgba).hexdigest()[:16]) == vector.look


@every_vector
def test_the_placeholder_is_a_small_png_with_the_same_pixels(vector: Vector) -> None:
    uri = placeholder(vector.thumbhash)
    head, _, content = uri.partition(",")
    assert head == "data:image/png;base64"
    assert len(uri) < 2_000
    drawn = draw(b64decode(vector.thumbhash))
    with Image.open(BytesIO(b64decode(content)), formats=["PNG"]) as image:
        assert image.size == (drawn.width, drawn.height)
        assert image.convert("RGBA").tobytes() == drawn.rgba


@every_vector
def test_transparency_can_be_told_from_the_hash(vector: Vector) -> None:
    assert is_see_through(vector.thumbhash) == vector.has_alpha


def test_a_picture_of_one_colour_has_no_waves_at_all() -> None:
    """Rounding leaves some, as small as they are; they must not become noise in the hash."""
    assert not any(thumbhash(33, 21, bytes((90, 140, 200, OPAQUE)) * 33 * 21)[5:])


def test_an_invisible_picture_has_a_hash() -> None:
    assert encoded(16, 9, bytes(16 * 9 * 4)) == "AAiCA4AAAAAAAAAAAAAAAAAAAAAAAAA="


def test_more_pixels_than_the_format_allows_are_refused() -> None:
    with pytest.raises(ValueError, match="100 pixels"):
        thumbhash(101, 1, bytes(101 * 4))
