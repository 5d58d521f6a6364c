"""HEIC and HEIF pictures are opened upright, in their colours, and through libheif alone."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, UnidentifiedImageError

from infra.contract.errors import ErrorCode, ImageRefused
from infra.settings.sections import DecoderSettings
from tasks.imaging.decode import heif
from tasks.imaging.formats.detect import HEADER_BYTES, ImageFormat, sniff
from tasks.imaging.models import Limits
from tests.unit.imaging.decode.test_orientation import UPRIGHT, UPRIGHT_SIZE, stored
from tests.unit.imaging.support.front import LIMITS, code_of, decoded, known, seen
from tests.unit.imaging.support.odd import heic
from tests.unit.imaging.support.pictures import corner_colours, encoded, oriented


def test_a_heic_is_shown(tmp_path: Path) -> None:
    facts, image = known(tmp_path, heic(stored(1)))
    assert facts.format is ImageFormat.HEIC
    assert facts.media_type == "image/heic"
    assert (facts.width, facts.height) == UPRIGHT_SIZE
    assert corner_colours(image) == UPRIGHT


def test_its_alpha_channel_is_kept(tmp_path: Path) -> None:
    picture = stored(1)
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    facts, image = known(tmp_path, heic(picture))
    assert facts.has_alpha
    darkest, brightest = image.getchannel("A").getextrema()
    assert darkest < 10 < 245 < brightest  # type: ignore[operator]  # one band: two numbers


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_once(tmp_path: Path, orientation: int) -> None:
    data = heic(stored(orientation), exif=oriented(orientation).tobytes())
    facts, image = known(tmp_path, data)
    assert (facts.width, facts.height) == UPRIGHT_SIZE
    assert corner_colours(image) == UPRIGHT


def test_tiles_are_put_together(tmp_path: Path) -> None:
    picture = stored(1).resize((640, 960))
    data = heic(picture, tile_size=256)
    assert b"grid" in data
    assert corner_colours(seen(tmp_path, data)) == UPRIGHT


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
def test_a_truncated_one_is_refused(tmp_path: Path, share: float) -> None:
    data = heic(stored(1))
    assert code_of(tmp_path, data[: int(len(data) * share)]) == ErrorCode.TRUNCATED


def test_a_damaged_one_is_refused(tmp_path: Path) -> None:
    data = heic(stored(1))
    broken = data.replace(b"hvcC", b"Cvch")
    assert code_of(tmp_path, broken) == ErrorCode.CORRUPT


def test_it_is_refused_without_its_decoder_where_heic_is_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(heif.pillow_heif, "open_heif", asked.append)
    off = replace(LIMITS, heic=False)
    for data in (heic(stored(1)), heic(stored(1))[:200]):
        source = tmp_path / "source"
        source.write_bytes(data)
        with pytest.raises(ImageRefused) as caught:
            decoded(source, off)
        assert caught.value.code == ErrorCode.UNSUPPORTED_FORMAT
        assert "HEIC_ENABLED=true" in caught.value.detail
    assert asked == []


def test_it_is_refused_where_its_decoder_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heif, "pillow_heif", None)
    assert code_of(tmp_path, heic(stored(1))) == ErrorCode.UNSUPPORTED_FORMAT
    assert heif.heif_version() == heif.hevc_version() == ""


def test_it_is_off_unless_it_was_switched_on() -> None:
    assert not DecoderSettings(_env_file=None).heic_enabled  # type: ignore[call-arg]  # pydantic-settings adds it
    assert not Limits(max_pixels=1).heic


def test_avif_needs_neither(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heif, "pillow_heif", None)
    image = seen(tmp_path, encoded(stored(1), "AVIF"), replace(LIMITS, heic=False))
    assert corner_colours(image) == UPRIGHT


def test_pillow_itself_still_does_not_open_them() -> None:
    with pytest.raises(UnidentifiedImageError):
        Image.open(BytesIO(heic(stored(1))))


def test_its_header_is_recognised() -> None:
    assert sniff(heic(stored(1))[:HEADER_BYTES]) is ImageFormat.HEIC
