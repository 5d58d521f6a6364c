"""The sample picture is what the demo promises: large, lying on its side, and telling."""

from pathlib import Path

from PIL import ExifTags, Image

from tasks.imaging.pipeline import render
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.imaging.sample.product import HEIGHT_PX, WIDTH_PX, write_sample
from tests.unit.imaging.support.pictures import LIMITS, pixel


def test_it_is_as_large_as_a_suppliers_picture(sample: Path) -> None:
    assert 1_500_000 < sample.stat().st_size < 4_000_000


def test_it_lies_on_its_side_and_says_where_it_was_taken(sample: Path) -> None:
    with Image.open(sample) as image:
        assert image.size == (HEIGHT_PX, WIDTH_PX)
        assert image.getexif()[ExifTags.Base.Orientation] == 6
        assert image.getexif().get_ifd(ExifTags.IFD.GPSInfo)


def test_it_comes_out_upright_on_white_and_without_its_place(sample: Path, tmp_path: Path) -> None:
    rendition = render(sample, tmp_path, packaged_presets().named("web"), limits=LIMITS)
    assert (rendition.source.width, rendition.source.height) == (WIDTH_PX, HEIGHT_PX)
    assert sum(each.bytes for each in rendition.variants) < sample.stat().st_size
    with Image.open(rendition.variants[1].path) as image:
        assert not dict(image.getexif())
        width, height = image.size
        assert min(pixel(image, (width // 2, 10))) > 240, "white above the product"
        assert max(pixel(image, (width // 2, height // 4))) < 240, "the product in the middle"
        assert min(pixel(image, (10, height // 4))) > 240, "white beside it"


def test_equal_seeds_give_equal_files_and_others_do_not(sample: Path, tmp_path: Path) -> None:
    write_sample(tmp_path / "same.jpg")
    write_sample(tmp_path / "other.jpg", seed=8)
    assert (tmp_path / "same.jpg").read_bytes() == sample.read_bytes()
    assert (tmp_path / "other.jpg").read_bytes() != sample.read_bytes()
