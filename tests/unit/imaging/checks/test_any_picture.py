"""Whatever the picture and the preset, the variants are what is said about them."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.models import Rendition, VariantFile
from tasks.imaging.pipeline import render
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.imaging.presets.model import (
    Box,
    ByteBudget,
    Encoding,
    Fit,
    FixedQuality,
    Preset,
    TargetQuality,
    Trim,
)
from tests.amount import amount
from tests.unit.imaging.metadata.test_stripping import REVEALING, SECRET
from tests.unit.imaging.support.drawn import Clear, Content, Drawn, drawn
from tests.unit.imaging.support.pictures import LIMITS

AVIF, WEBP, JPEG, PNG = ImageFormat.AVIF, ImageFormat.WEBP, ImageFormat.JPEG, ImageFormat.PNG
GOOD = TargetQuality(score=72, low=25, high=90, tolerance=2)
HURRY = {AVIF: 10, WEBP: 0, PNG: 3}
SEEN_THROUGH = 250  # levels of 255: an encoder makes no opaque pixel so clear


def preset(name: str, *formats: ImageFormat, **parts: object) -> Preset:
    """Return a preset of two small widths, with a fixed quality, and some parts changed."""
    encodings = tuple(Encoding(each, FixedQuality(70), effort=HURRY.get(each)) for each in formats)
    normalize_mode = Preset(name, 1, (Box(width=90), Box(width=30)), encodings)
    return replace(normalize_mode, **parts)  # type: ignore[arg-type]  # any part


def of_quality(name: str, quality: TargetQuality | ByteBudget, *formats: ImageFormat) -> Preset:
    made = preset(name, *formats)
    return replace(made, encodings=tuple(replace(each, quality=quality) for each in made.encodings))


SMALLER_ONLY = preset("smaller-only", WEBP, JPEG)
PRESETS = [
    *(packaged_presets().named(name) for name in packaged_presets()),
    SMALLER_ONLY,
    preset("every", AVIF, WEBP, JPEG, PNG, drop_larger=False),
    preset("smallest", AVIF, WEBP, PNG),
    preset("png", PNG, sharpen=0.5),
    preset("cover", WEBP, JPEG, fit=Fit.COVER, boxes=(Box(120, 63), Box(60, 60)), focus=(0.1, 1)),
    preset(
        "pad", PNG, JPEG, fit=Fit.PAD, boxes=(Box(99, 50), Box(40, 40)), background=(9, 99, 200)
    ),
    preset("trim", WEBP, PNG, trim=Trim(margin=0.1), drop_larger=False),
    of_quality("budget", ByteBudget(1000, 20, 90), AVIF, JPEG),
    of_quality("target", GOOD, WEBP, AVIF, JPEG),
]

EXAMPLES = settings(
    max_examples=amount(100),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


@EXAMPLES
@given(source=drawn, made=st.sampled_from(PRESETS))
@example(Drawn("RGB", "PNG", (1, 11), Content.STRIPES, seed=943), SMALLER_ONLY)
@example(Drawn("RGBA", "PNG", (30, 20), Content.NOISE, Clear.SOFT), SMALLER_ONLY)
def test_the_variants_are_what_is_said_about_them(source: Drawn, made: Preset) -> None:
    data = source.file()
    with TemporaryDirectory() as first, TemporaryDirectory() as second:
        rendition = rendered(Path(first), data, made)
        assert rendition.variants
        for each in rendition.variants:
            assert_described(each)
            assert_bare(each)
            assert made.fit is Fit.PAD or is_within(each, source.size)
        assert {each.path for each in rendition.variants} == {*Path(first).glob("*-*")}
        if source.shows_through and made.fit is not Fit.PAD:
            assert_shows_through(rendition, made)
        again = rendered(Path(second), data, made)
        assert digests(rendition) == digests(again)
        assert rendition.page == again.page


def rendered(directory: Path, data: bytes, made: Preset) -> Rendition:
    source = directory / "source"
    source.write_bytes(data)
    return render(source, directory, made, limits=LIMITS)


def assert_described(variant: VariantFile) -> None:
    data = variant.path.read_bytes()
    assert (variant.bytes, variant.sha256) == (len(data), sha256(data).hexdigest())
    with Image.open(variant.path) as image:
        image.load()
        assert image.size == (variant.width, variant.height)
        assert image.format == variant.format.value.upper()


def assert_bare(variant: VariantFile) -> None:
    assert SECRET.encode() not in variant.path.read_bytes()
    with Image.open(variant.path) as image:
        assert not dict(image.getexif())
        assert {key for key in REVEALING if image.info.get(key)} == set()


def is_within(variant: VariantFile, size: tuple[int, int]) -> bool:
    return variant.width <= size[0] and variant.height <= size[1]


def assert_shows_through(rendition: Rendition, made: Preset) -> None:
    """Each size has a file with the transparency, where a format of the preset can hold it."""
    if all(encoding.format is JPEG for encoding in made.encodings):
        return
    clear = {size_of(each) for each in rendition.variants if is_clear(each)}
    assert clear == {size_of(each) for each in rendition.variants}


def size_of(variant: VariantFile) -> tuple[int, int]:
    return variant.width, variant.height


def is_clear(variant: VariantFile) -> bool:
    with Image.open(variant.path) as image:
        alpha = image.convert("RGBA").getchannel("A").tobytes()
    return min(alpha) < SEEN_THROUGH


def digests(rendition: Rendition) -> list[tuple[str, str]]:
    return [(each.name, each.sha256) for each in rendition.variants]
