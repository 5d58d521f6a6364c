"""The sample picture is what the demo promises: lying on its side, and telling."""

from pathlib import Path

from PIL import ExifTags, Image

from tasks.imaging.pipeline import render
from tasks.imaging.presets.catalogue import packaged_presets
from tests.pictures import SAMPLE
from tests.unit.imaging.support.pictures import LIMITS, pixel


def test_it_lies_on_its_side_and_says_where_it_was_taken() -> None:
    with Image.open(SAMPLE) as image:
        assert image.size == (2400, 1800)
        assert image.getexif()[ExifTags.Base.Orientation] == 6
        assert image.getexif().get_ifd(ExifTags.IFD.GPSInfo)


def test_it_comes_out_upright_on_white_and_without_its_place(tmp_path: Path) -> None:
    rendition = render(SAMPLE, tmp_path, packaged_presets().named("web"), limits=LIMITS)
    assert (rendition.source.width, rendition.source.height) == (1800, 2400)
    assert sum(each.bytes for each in rendition.variants) < SAMPLE.stat().st_size
    with Image.open(rendition.variants[1].path) as image:
        assert not dict(image.getexif())
        width, height = image.size
        assert min(pixel(image, (width // 2, 10))) > 240, "white above the product"
        assert max(pixel(image, (width // 2, height // 4))) < 240, "the product in the middle"
        assert min(pixel(image, (10, height // 4))) > 240, "white beside it"
