"""What comes out of the pipeline: names, sizes, bytes, and nothing that was not asked for."""

from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from infra.errors import PixelsFailed
from tasks.imaging import verify as verify_module
from tasks.imaging.encode import encode
from tasks.imaging.load import load
from tasks.imaging.plan import Plan
from tasks.imaging.preset import Encoding, preset_named
from tasks.imaging.render import render
from tasks.imaging.resize import shrink
from tasks.imaging.sizes import Size
from tasks.imaging.sniff import ImageFormat
from tests.unit.imaging.pictures import LIMITS, encoded, photo, pixel, rendered, variant

WEB = preset_named("web")


def names(directory: Path, width: int, height: int) -> list[str]:
    data = encoded(Image.new("RGB", (width, height), (90, 120, 150)), "PNG")
    return [each.name for each in rendered(directory, data).variants]


def test_a_large_source_gives_every_width_in_every_format(tmp_path: Path) -> None:
    assert names(tmp_path, 1700, 40) == [
        "w1600-webp",
        "w1600-jpeg",
        "w800-webp",
        "w800-jpeg",
        "w400-webp",
        "w400-jpeg",
        "w200-webp",
        "w200-jpeg",
    ]


def test_nothing_is_enlarged_and_names_follow_the_real_width(tmp_path: Path) -> None:
    assert names(tmp_path, 640, 480) == [
        "w640-webp",
        "w640-jpeg",
        "w400-webp",
        "w400-jpeg",
        "w200-webp",
        "w200-jpeg",
    ]


def test_a_single_pixel_is_a_picture(tmp_path: Path) -> None:
    assert names(tmp_path, 1, 1) == ["w1-webp", "w1-jpeg"]


def test_a_picture_too_tall_for_the_formats_is_still_rendered(tmp_path: Path) -> None:
    assert names(tmp_path, 30, 17_000) == ["w28-webp", "w28-jpeg"]


def test_the_report_agrees_with_the_files(tmp_path: Path) -> None:
    data = encoded(photo(900, 700), "PNG")
    rendition = rendered(tmp_path, data)
    assert rendition.source.sha256 == sha256(data).hexdigest()
    assert rendition.source.bytes == len(data)
    assert (rendition.source.format, rendition.source.width) == (ImageFormat.PNG, 900)
    for each in rendition.variants:
        written = each.path.read_bytes()
        assert (each.bytes, each.sha256) == (len(written), sha256(written).hexdigest())
        assert each.path.name == f"{each.name}.{each.extension}"
        with Image.open(each.path) as image:
            assert image.size == (each.width, each.height)
            assert image.format == each.format.value.upper()


def test_jpegs_are_progressive(tmp_path: Path) -> None:
    rendition = rendered(tmp_path, encoded(photo(300, 300), "PNG"))
    assert variant(rendition, "w200-jpeg").info["progressive"] == 1


def test_equal_sources_give_equal_bytes(tmp_path: Path) -> None:
    data = encoded(photo(900, 700), "JPEG")
    runs = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        rendition = rendered(tmp_path / name, data)
        runs.append([(each.name, each.sha256) for each in rendition.variants])
    assert runs[0] == runs[1]


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference in levels of 255."""
    return max(ImageStat.Stat(ImageChops.difference(one, other)).mean)


def test_a_chain_of_reductions_looks_like_a_direct_one() -> None:
    source = photo(2000, 1500)
    chained = source
    for width in (1600, 800, 400, 200):
        chained = shrink(chained, Size(width, width * 3 // 4))
    assert difference(chained, shrink(source, Size(200, 150))) < 1


def test_a_jpeg_decoded_at_reduced_size_looks_like_the_full_one() -> None:
    data = encoded(photo(1300, 225).resize((5200, 900)), "JPEG", quality=95, subsampling=0)
    plan = Plan(Size(1600, 277), orientation=1)
    full, reduced = Image.open(BytesIO(data)), load(Image.open(BytesIO(data)), plan)
    assert reduced.width == full.width // 2
    assert difference(shrink(reduced, plan.size), shrink(full, plan.size)) < 1


@pytest.mark.parametrize("written", ["GIF", "TIFF", "WEBP", "PNG"])
def test_of_several_frames_the_first_is_shown(tmp_path: Path, written: str) -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], written, save_all=True, append_images=frames[1:])
    image = variant(rendered(tmp_path, data), "w40-jpeg")
    red, _, blue = ImageStat.Stat(image).mean
    assert red > 200
    assert blue < 50


def test_the_multi_picture_jpegs_of_phones_are_accepted(tmp_path: Path) -> None:
    data = encoded(photo(80, 60), "MPO", save_all=True, append_images=[photo(20, 20)])
    rendition = rendered(tmp_path, data)
    assert rendition.source.format is ImageFormat.JPEG
    assert (rendition.source.width, rendition.source.height) == (80, 60)


def test_a_variant_that_is_not_what_was_meant_is_never_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lying(image: Image.Image, path: Path, encoding: Encoding, **options: object) -> None:
        encode(image.reduce(2), path, encoding, background=(0, 0, 0))

    monkeypatch.setattr("tasks.imaging.render.encode", lying)
    with pytest.raises(PixelsFailed):
        rendered(tmp_path, encoded(photo(80, 60), "PNG"))
    with pytest.raises(PixelsFailed):
        verify_module.verify(
            tmp_path / "variants" / "w80-webp.webp", ImageFormat.WEBP, Size(80, 60)
        )


def test_the_preset_decides_about_widths_and_background(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(encoded(Image.new("RGBA", (90, 90), (0, 0, 0, 0)), "PNG"))
    blue = replace(WEB, widths=(50, 20), background=(0, 0, 255))
    rendition = render(source, tmp_path, blue, limits=LIMITS)
    assert [each.width for each in rendition.variants] == [50, 50, 20, 20]
    assert pixel(variant(rendition, "w50-jpeg"), (9, 9))[2] > 240
