"""The number that an encoder gets: chosen per picture, within bounds, or by bytes."""

from io import BytesIO

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from tasks.imaging.encode.encoders import encode, encode_lossless, has_few_colours
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.presets.model import (
    ByteBudget,
    Chroma,
    Encoding,
    FixedQuality,
    TargetQuality,
)
from tasks.imaging.quality import search as quality
from tasks.imaging.quality.calibration import CALIBRATIONS
from tasks.imaging.quality.metric import SimilarityMetric
from tasks.imaging.quality.sampling import Sample
from tasks.imaging.quality.search import Encoded, Hint, Subject, encode_to_quality

LOSSY = (ImageFormat.JPEG, ImageFormat.WEBP, ImageFormat.AVIF)
TARGET = TargetQuality(score=75, low=5, high=97, tolerance=2)


def textured(roughness: int, size: tuple[int, int] = (512, 384)) -> Image.Image:
    """Return a soft ground with noise on it: the rougher, the harder to encode."""
    picture = Image.linear_gradient("L").resize(size).convert("RGB")
    noise = Image.effect_noise(size, roughness).filter(ImageFilter.GaussianBlur(1))
    return Image.blend(picture, noise.convert("RGB"), 0.4)


def drawing() -> Image.Image:
    """Return a few flat colours with sharp edges."""
    picture = Image.new("RGB", (300, 200), (250, 250, 250))
    draw = ImageDraw.Draw(picture)
    for step in range(12):
        draw.rectangle((step * 20, step * 9, step * 20 + 60, step * 9 + 40), outline=(200, 20, 20))
        draw.line((0, step * 15, 300, 200 - step * 15), fill=(20, 20, 200))
    return picture


def chosen(picture: Image.Image, encoding: Encoding, hint: Hint | None = None) -> Encoded:
    return encode_to_quality(Subject(picture), encoding, hint or Hint())


@pytest.mark.parametrize("image_format", LOSSY)
def test_a_picture_that_is_harder_to_encode_gets_another_number(image_format: ImageFormat) -> None:
    encoding = Encoding(image_format, TARGET)
    easy, hard = chosen(textured(8), encoding), chosen(textured(20), encoding)
    assert easy.quality != hard.quality
    for each in (easy, hard):
        assert each.score == pytest.approx(TARGET.score, abs=TARGET.tolerance)


@pytest.mark.parametrize("start", [46, 57])
def test_an_avif_that_missed_its_score_is_written_again_and_says_where_to_begin_next(
    start: int,
) -> None:
    subject, encoding = Subject(textured(60)), Encoding(ImageFormat.AVIF, TARGET)
    found = encode_to_quality(subject, encoding, Hint(start))
    with Image.open(BytesIO(found.data)) as image:
        assert found.score == subject.score_of(image, ImageFormat.AVIF)
    assert found.score == pytest.approx(TARGET.score, abs=2 * TARGET.tolerance)
    assert found.next_start is not None
    assert abs(found.next_start - (found.quality or 0)) <= 8


def in_red_ink() -> Image.Image:
    """Return lines of one pixel in strong colours on white, as letters have them."""
    picture = Image.new("RGB", (400, 300), "white")
    draw = ImageDraw.Draw(picture)
    for place in range(0, 300, 3):
        draw.line((0, place, 400, place), fill=(220, 10, 30))
    return picture


@pytest.mark.parametrize("image_format", [ImageFormat.JPEG, ImageFormat.AVIF])
def test_colours_are_shared_among_pixels_unless_that_is_seen_or_asked_otherwise(
    image_format: ImageFormat,
) -> None:
    for picture, chroma, is_full in (
        (textured(60), Chroma.AUTO, False),
        (in_red_ink(), Chroma.AUTO, True),
        (in_red_ink(), Chroma.SHARED, False),
        (textured(60), Chroma.FULL, True),
    ):
        encoding = Encoding(image_format, FixedQuality(80), chroma=chroma)
        data = chosen(picture, encoding).data
        assert data == encode(picture, image_format, 80, full_colour=is_full)
        assert data != encode(picture, image_format, 80, full_colour=not is_full)


@pytest.mark.parametrize("image_format", LOSSY)
def test_a_higher_target_gives_a_larger_file(image_format: ImageFormat) -> None:
    picture = textured(60)
    sizes = [
        len(chosen(picture, Encoding(image_format, TargetQuality(score, 10, 98, 2))).data)
        for score in (60, 75, 88)
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] * 1.3 < sizes[-1]


@pytest.mark.parametrize("image_format", LOSSY)
@pytest.mark.parametrize(("score", "quality"), [(99.0, 70), (1.0, 60)])
def test_the_bounds_hold_whatever_the_target_asks(
    image_format: ImageFormat, score: float, quality: int
) -> None:
    target = TargetQuality(score=score, low=60, high=70, tolerance=1)
    assert chosen(textured(60), Encoding(image_format, target)).quality == quality


def test_a_hint_changes_what_is_tried_first_but_hardly_the_answer() -> None:
    picture, encoding = textured(60), Encoding(ImageFormat.WEBP, TARGET)
    answers = [chosen(picture, encoding, Hint(start)).quality for start in (None, 40, 95)]
    numbers = [answer for answer in answers if answer is not None]
    assert max(numbers) - min(numbers) <= 5


@pytest.mark.parametrize("ground", ["white", "black", (70, 110, 160)])
@pytest.mark.parametrize("places", [((384, 384),), ((20, 40), (740, 700))])
def test_a_plain_ground_does_not_hide_damage_to_what_stands_on_it(
    ground: str | tuple[int, int, int], places: tuple[tuple[int, int], ...]
) -> None:
    product = textured(90, (256, 256))
    shown = Image.new("RGB", (1024, 1024), ground)
    for place in places:
        shown.paste(product, place)
    alone = chosen(product, Encoding(ImageFormat.JPEG, TARGET)).quality
    on_ground = chosen(shown, Encoding(ImageFormat.JPEG, TARGET)).quality
    assert alone is not None
    assert on_ground is not None
    assert abs(alone - on_ground) <= 8


def veiled(shade: int) -> Image.Image:
    """Return a thing of one shade that only its soft and fine transparency shows."""
    picture = Image.new("RGB", (400, 400), (shade,) * 3)
    veil = textured(120, (400, 400)).convert("L").filter(ImageFilter.GaussianBlur(1))
    picture.putalpha(ImageChops.multiply(veil, Image.radial_gradient("L").resize((400, 400))))
    return picture


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_soft_edges_look_as_good_as_asked_on_light_and_on_dark_pages(shade: int) -> None:
    picture, target = veiled(shade), TargetQuality(score=74, low=5, high=95, tolerance=1)
    found = chosen(picture, Encoding(ImageFormat.AVIF, target))
    with Image.open(BytesIO(found.data)) as encoded:
        seen = encoded.convert("RGBA")
    for ground in ("white", "black"):
        ours, theirs = (
            Image.alpha_composite(Image.new("RGBA", each.size, ground), each).convert("RGB")
            for each in (picture, seen)
        )
        told = SimilarityMetric(Sample(ours, None)).score(
            theirs, CALIBRATIONS[ImageFormat.AVIF].weights
        )
        assert told > target.score - 6, ground


def test_a_product_with_a_transparent_ground_gets_what_it_gets_alone() -> None:
    product = textured(90, (256, 256))
    cut_out = Image.new("RGBA", (768, 768))
    cut_out.paste(product, (256, 256))
    alone, among_nothing = (
        chosen(picture, Encoding(ImageFormat.WEBP, TARGET)).quality
        for picture in (product, cut_out)
    )
    assert alone is not None
    assert among_nothing is not None
    assert abs(alone - among_nothing) <= 8


def test_a_fixed_quality_is_what_the_encoder_gets() -> None:
    picture = textured(30)
    found = chosen(picture, Encoding(ImageFormat.WEBP, FixedQuality(63)))
    assert found == Encoded(encode(picture, ImageFormat.WEBP, 63), 63, None)


@pytest.mark.parametrize("max_bytes", [6_000, 15_000])
def test_a_byte_budget_is_used_but_not_exceeded(max_bytes: int) -> None:
    found = chosen(textured(60), Encoding(ImageFormat.JPEG, ByteBudget(max_bytes, 5, 95)))
    assert max_bytes * 0.8 < len(found.data) <= max_bytes


def test_a_byte_budget_that_cannot_be_met_gives_the_smallest_that_is_allowed() -> None:
    found = chosen(textured(60), Encoding(ImageFormat.JPEG, ByteBudget(100, 30, 95)))
    assert found.quality == 30


def test_a_file_does_not_exceed_its_source_while_bounds_allow() -> None:
    picture, encoding = textured(60), Encoding(ImageFormat.JPEG, TARGET)
    free = chosen(picture, encoding)
    held = chosen(picture, encoding, Hint(ceiling_bytes=len(free.data) * 2 // 3))
    assert len(held.data) <= len(free.data) * 2 // 3
    assert held.score is not None
    assert held.score < TARGET.score


@pytest.mark.parametrize("image_format", LOSSY)
def test_a_file_is_not_ruined_to_be_as_small_as_a_source_that_it_cannot_match(
    image_format: ImageFormat,
) -> None:
    picture = textured(60)
    encoding = Encoding(image_format, TARGET, lossless_graphics=False)
    free = chosen(picture, encoding)
    for too_little in (len(free.data) // 8, 100):
        assert chosen(picture, encoding, Hint(ceiling_bytes=too_little)) == free


def test_a_fixed_quality_that_makes_more_of_a_source_than_it_was_is_lowered() -> None:
    picture, encoding = textured(60), Encoding(ImageFormat.JPEG, FixedQuality(90))
    source = encode(picture, ImageFormat.JPEG, 70)
    held = chosen(picture, encoding, Hint(ceiling_bytes=len(source)))
    assert len(held.data) <= len(source)
    assert held.quality == 70


def test_a_drawing_is_kept_without_loss_where_that_is_smaller() -> None:
    picture = drawing()
    found = chosen(picture, Encoding(ImageFormat.WEBP, TARGET))
    assert (found.quality, found.score) == (None, 100)
    with Image.open(BytesIO(found.data)) as image:
        assert ImageChops.difference(image.convert("RGB"), picture).getbbox() is None
    lossy = Encoding(ImageFormat.WEBP, TARGET, lossless_graphics=False)
    assert len(found.data) < len(chosen(picture, lossy).data)


def test_no_time_is_spent_on_keeping_a_grey_photograph_without_loss(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[tuple[int, int]] = []

    def noted(picture: Image.Image, *arguments: object, **more: object) -> bytes:
        tried.append(picture.size)
        return encode_lossless(picture, ImageFormat.WEBP)

    monkeypatch.setattr(quality, "encode_lossless", noted)
    picture = textured(60, (1024, 768)).convert("L").convert("RGB")
    assert has_few_colours(picture)
    assert chosen(picture, Encoding(ImageFormat.WEBP, TARGET)).quality is not None
    assert picture.size not in tried


def test_a_photograph_is_never_kept_without_loss() -> None:
    assert chosen(textured(60), Encoding(ImageFormat.WEBP, TARGET)).quality is not None


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_png_changes_no_pixel_and_uses_a_palette_where_it_can(mode: str) -> None:
    picture = drawing().convert(mode)
    data = chosen(picture, Encoding(ImageFormat.PNG, FixedQuality(100))).data
    with Image.open(BytesIO(data)) as image:
        assert image.mode == ("L" if mode == "L" else "P")
        assert image.convert(mode).tobytes() == picture.tobytes()


def test_a_picture_too_small_to_judge_gets_the_usual_number_and_no_score() -> None:
    found = chosen(textured(60, (40, 40)), Encoding(ImageFormat.JPEG, TARGET))
    assert found.quality == 68
    assert found.score is None


@pytest.mark.parametrize("size", [(48, 48), (63, 200), (64, 64), (65, 1000), (2000, 49)])
def test_every_shape_can_be_judged(size: tuple[int, int]) -> None:
    for mode in ("L", "RGB", "RGBA"):
        found = chosen(textured(60, size).convert(mode), Encoding(ImageFormat.WEBP, TARGET))
        assert found.score is not None


def test_a_picture_of_one_colour_is_encoded() -> None:
    found = chosen(Image.new("RGB", (500, 400), "white"), Encoding(ImageFormat.JPEG, TARGET))
    assert found.quality == TARGET.low


@pytest.mark.parametrize("quality", [1, 20, 40, 60, 80, 95])
def test_a_white_ground_stays_white_in_every_jpeg(quality: int) -> None:
    data = encode(Image.new("RGB", (64, 64), "white"), ImageFormat.JPEG, quality)
    with Image.open(BytesIO(data)) as image:
        assert image.getextrema() == ((255, 255),) * 3
