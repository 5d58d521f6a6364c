"""What a page needs is read from any picture that a pipeline can make, and changes none."""

import re
from base64 import b64decode

import pytest
from PIL import Image

from tasks.imaging.web.page_facts import page_facts
from tasks.imaging.web.phash import differing_bits
from tasks.imaging.web.placeholder import draw, is_see_through
from tests.unit.imaging.support.pictures import RED, photo


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("size", [(200, 133), (133, 200), (1, 1), (1, 700), (700, 1)])
def test_every_layout_and_size_has_facts(mode: str, size: tuple[int, int]) -> None:
    picture = photo(*size).convert(mode)
    before = picture.tobytes()
    facts = page_facts(picture)
    assert re.fullmatch(r"#[0-9a-f]{6}", facts.dominant_colour)
    assert re.fullmatch(r"[0-9a-f]{16}", facts.phash)
    assert 15 <= len(b64decode(facts.thumbhash, validate=True)) <= 30
    assert (picture.mode, picture.size, picture.tobytes()) == (mode, size, before)


def test_equal_pictures_have_equal_facts() -> None:
    assert page_facts(photo(200, 133)) == page_facts(photo(200, 133))


def test_the_placeholder_has_the_picture_s_colours_and_shape() -> None:
    picture = Image.new("RGB", (300, 200), (255, 255, 255))
    picture.paste(RED, (0, 0, 150, 200))
    drawn = draw(b64decode(page_facts(picture).thumbhash))
    assert (drawn.width, drawn.height) == (16, 11)
    left, right = (drawn.rgba[4 * (5 * 16 + column) :][:3] for column in (2, 13))
    assert left[0] > 150
    assert max(left[1:]) < 90
    assert min(right) > 180


def test_a_cut_out_looks_like_the_same_picture_on_white() -> None:
    cut_out = Image.new("RGBA", (200, 200), (0, 0, 0, 0))
    cut_out.paste(photo(80, 120).convert("RGBA"), (60, 30))
    on_white = Image.new("RGB", (200, 200), (255, 255, 255))
    on_white.paste(cut_out, mask=cut_out)
    facts, same = page_facts(cut_out), page_facts(on_white)
    assert differing_bits(facts.phash, same.phash) == 0
    assert is_see_through(facts.thumbhash)
    assert not is_see_through(same.thumbhash)
