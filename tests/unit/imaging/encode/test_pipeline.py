"""What comes out of the pipeline: names, sizes, bytes, and nothing that was not asked for."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from infra.contract.errors import PixelsFailed
from tasks.imaging.decode.load import load
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.models import Rendition
from tasks.imaging.pipeline import render
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.imaging.presets.model import Box, Encoding, FixedQuality, Preset, Quality, TargetQuality
from tasks.imaging.quality.search import Encoded, Hint, Subject, encode_to_quality
from tasks.imaging.transform.plan import Plan
from tasks.imaging.transform.resize import shrink
from tasks.imaging.transform.sizes import Size
from tests.unit.imaging.quality.test_search import drawing, textured
from tests.unit.imaging.support.pictures import LIMITS, encoded, photo, pixel, rendered, variant

WEB = packaged_presets().named("web")
THREE = (ImageFormat.AVIF, ImageFormat.JPEG, ImageFormat.WEBP)


def made(directory: Path, data: bytes, preset: Preset) -> Rendition:
    source = directory / "source"
    source.write_bytes(data)
    return render(source, directory, preset, limits=LIMITS)


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


def formats_of(directory: Path, picture: Image.Image) -> dict[str, list[int]]:
    """Return the widths that a PNG of a picture gives, by format, in the order of the files."""
    found: dict[str, list[int]] = {}
    for each in rendered(directory, encoded(picture, "PNG")).variants:
        found.setdefault(each.format.value, []).append(each.width)
    return found


def test_a_photograph_becomes_avif_and_jpeg(tmp_path: Path) -> None:
    widths = [500, 400, 200]
    assert formats_of(tmp_path, photo(500, 400)) == {"avif": widths, "jpeg": widths}


def test_a_cut_out_becomes_webp_as_well_because_jpeg_loses_its_transparency(
    tmp_path: Path,
) -> None:
    widths = [300, 200]
    found = {"avif": widths, "webp": widths, "jpeg": widths}
    assert formats_of(tmp_path, cut_out()) == found


def test_a_drawing_becomes_webp_where_that_takes_fewer_bytes_than_avif_at_all_sizes_together(
    tmp_path: Path,
) -> None:
    assert formats_of(tmp_path, drawing()) == {"webp": [300, 200], "jpeg": [300, 200]}
    assert {path.suffix for path in (tmp_path / "variants").iterdir()} == {".webp", ".jpg"}


def test_a_grey_photograph_is_no_drawing(tmp_path: Path) -> None:
    grey = textured(60, (300, 200)).convert("L")
    assert formats_of(tmp_path, grey) == {"avif": [300, 200], "jpeg": [300, 200]}


def test_a_single_pixel_is_a_picture(tmp_path: Path) -> None:
    assert names(tmp_path, 1, 1) == ["w1-webp", "w1-jpeg"]


def test_a_picture_too_tall_for_the_formats_is_still_rendered(tmp_path: Path) -> None:
    assert names(tmp_path, 30, 17_000) == ["w29-webp", "w29-jpeg"]


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


def blank(image: Image.Image) -> Image.Image:
    return Image.new(image.mode, image.size, "white")


@pytest.mark.parametrize("change", [lambda image: image.reduce(2), blank])
def test_a_variant_that_is_not_what_was_meant_is_never_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Image.Image], Image.Image]
) -> None:
    def lying(subject: Subject, encoding: Encoding, hint: Hint) -> Encoded:
        return encode_to_quality(Subject(change(subject.picture)), encoding, hint)

    monkeypatch.setattr("tasks.imaging.encode.variant_writer.encode_to_quality", lying)
    with pytest.raises(PixelsFailed):
        rendered(tmp_path, encoded(photo(80, 60), "PNG"))


def test_the_preset_decides_about_widths_and_background(tmp_path: Path) -> None:
    data = encoded(Image.new("RGBA", (90, 90), (0, 0, 0, 0)), "PNG")
    blue = replace(WEB, boxes=(Box(50), Box(20)), background=(0, 0, 255))
    rendition = made(tmp_path, data, blue)
    assert [each.width for each in rendition.variants] == [50, 50, 50, 20, 20, 20]
    assert pixel(variant(rendition, "w50-jpeg"), (9, 9))[2] > 240


def test_what_was_chosen_is_told_with_each_variant(tmp_path: Path) -> None:
    target = TargetQuality(score=74, low=20, high=97, tolerance=2)
    encodings = tuple(replace(each, quality=target) for each in WEB.encodings)
    data = encoded(textured(60, (900, 600)), "PNG")
    variants = made(tmp_path, data, replace(WEB, encodings=encodings)).variants
    assert len({each.quality for each in variants}) > 2
    for each in variants:
        assert each.quality is not None
        assert target.low <= each.quality <= target.high
        assert each.score == pytest.approx(target.score, abs=2)


def formats(directory: Path, data: bytes, *, drop_larger: bool) -> dict[str, int]:
    """Return names and bytes of one size in three formats, the simplest in the middle."""
    encodings = tuple(Encoding(each, WEB.encodings[0].quality) for each in THREE)
    preset = replace(WEB, boxes=(Box(400),), encodings=encodings, drop_larger=drop_larger)
    rendition = made(directory, data, preset)
    assert {path.name for path in directory.glob("w*")} == {
        each.path.name for each in rendition.variants
    }
    return {each.name: each.bytes for each in rendition.variants}


def test_a_format_that_saves_nothing_is_left_out_and_its_file_removed(tmp_path: Path) -> None:
    data = encoded(Image.new("RGB", (400, 400), "white"), "PNG")
    every = formats(tmp_path, data, drop_larger=False)
    assert list(every) == ["w400-avif", "w400-jpeg", "w400-webp"]
    assert every["w400-webp"] < every["w400-avif"] < every["w400-jpeg"]
    for path in tmp_path.glob("w*"):
        path.unlink()
    assert list(formats(tmp_path, data, drop_larger=True)) == ["w400-jpeg", "w400-webp"]


def cut_out() -> Image.Image:
    """Return a picture whose edges fade into nothing."""
    picture = textured(30, (300, 300)).convert("RGBA")
    picture.putalpha(Image.radial_gradient("L").resize((300, 300)).point(lambda far: 255 - far))
    return picture


@pytest.mark.parametrize("format_with_alpha", [ImageFormat.WEBP, ImageFormat.AVIF, ImageFormat.PNG])
@pytest.mark.parametrize("quality", [FixedQuality(60), WEB.encodings[0].quality])
def test_a_file_that_lost_the_transparency_replaces_none_that_keeps_it(
    tmp_path: Path, quality: Quality, format_with_alpha: ImageFormat
) -> None:
    encodings = tuple(Encoding(each, quality) for each in (format_with_alpha, ImageFormat.JPEG))
    preset = replace(WEB, boxes=(Box(300),), encodings=encodings, drop_larger=True)
    variants = made(tmp_path, encoded(cut_out(), "PNG"), preset).variants
    assert [each.format for each in variants] == [format_with_alpha, ImageFormat.JPEG]


def test_a_file_that_looks_better_is_not_dropped_for_a_smaller_one(tmp_path: Path) -> None:
    encodings = (
        Encoding(ImageFormat.WEBP, FixedQuality(95)),
        Encoding(ImageFormat.JPEG, FixedQuality(15)),
    )
    preset = replace(WEB, boxes=(Box(300),), encodings=encodings, drop_larger=True)
    webp, jpeg = made(tmp_path, encoded(textured(60, (400, 400)), "PNG"), preset).variants
    assert webp.bytes > jpeg.bytes
    assert webp.score is not None
    assert jpeg.score is not None
    assert webp.score > jpeg.score + 10


def test_what_a_variant_cost_is_told(tmp_path: Path) -> None:
    rendition = rendered(tmp_path, encoded(textured(60, (400, 300)), "JPEG"))
    costs = [each.cpu_seconds or 0 for each in rendition.variants]
    assert min(costs) > 0
    assert sum(costs) < (rendition.cpu_seconds or 0)


def test_a_variant_as_large_as_its_source_has_no_more_bytes(tmp_path: Path) -> None:
    data = encoded(textured(90, (400, 300)), "JPEG", quality=45)
    for each in rendered(tmp_path, data).variants:
        assert each.bytes <= len(data)


def test_the_page_facts_come_with_the_variants(tmp_path: Path) -> None:
    page = rendered(tmp_path, encoded(Image.new("RGB", (300, 300), (200, 30, 30)), "PNG")).page
    assert page is not None
    assert int(page.dominant_colour[1:3], 16) > 180


@pytest.mark.parametrize("side", [1, 8])
def test_a_tiny_picture_has_no_file_that_a_smaller_one_serves(tmp_path: Path, side: int) -> None:
    data = encoded(Image.new("RGB", (side, side), (9, 99, 200)), "PNG")
    encodings = tuple(Encoding(each, TargetQuality(72, 25, 90, 2)) for each in THREE)
    preset = replace(WEB, boxes=(Box(400),), encodings=encodings, drop_larger=True)
    found = {each.format: each.bytes for each in made(tmp_path, data, preset).variants}
    assert ImageFormat.JPEG in found
    assert found[ImageFormat.WEBP] < found[ImageFormat.JPEG]
    assert ImageFormat.AVIF not in found
