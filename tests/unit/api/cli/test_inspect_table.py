"""What the shell shows of an inspected file, without making one."""

import io
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from api.cli.inspection import Inspection
from api.cli.views.inspect_table import describe_source, print_inspection
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.models import PageFacts, Rendition, SourceFacts, VariantFile

SOURCE = SourceFacts(ImageFormat.PNG, "image/png", 800, 600, 1, 204_800, "a" * 64)
VARIANT = VariantFile(
    name="w800-webp",
    format=ImageFormat.WEBP,
    width=800,
    height=600,
    bytes=20_480,
    sha256="b" * 64,
    quality=78,
    path=Path("w800-webp.webp"),
    media_type="image/webp",
    extension="webp",
    score=75.34,
    cpu_seconds=0.0424,
)
PAGE = PageFacts("#7d3c13", "dBgOFQL4Z3uHlmiYZ4dnpweFdVBY", "e497d38c59319b68")


def shown(*variants: VariantFile) -> list[str]:
    out = io.StringIO()
    rendition = Rendition(SOURCE, variants, "f" * 16, PAGE)
    inspection = Inspection(Path("mug [1].png"), rendition, 1.26)
    print_inspection(Console(file=out, width=80, highlight=False), inspection)
    return out.getvalue().splitlines()


def test_a_file_is_a_heading_a_line_per_variant_and_what_a_page_needs() -> None:
    heading, columns, variant, made, page = shown(VARIANT)
    assert heading == "mug [1].png (PNG, 800×600, 200.0 KiB)"  # noqa: RUF001 - the sign for sizes
    assert " ".join(columns.split()) == "variant format pixels bytes saved quality score CPU"
    assert variant.split(None, 3)[:3] == ["w800-webp", "webp", "800×600"]  # noqa: RUF001 - the sign for sizes
    assert variant.split()[3:] == ["20.0", "KiB", "90", "%", "78", "75.3", "42", "ms"]
    assert made.strip() == f"1 variant in 1.3 s, policy {'f' * 16}"
    assert all(each in page for each in (PAGE.dominant_colour, PAGE.thumbhash, PAGE.phash))


def test_what_was_not_chosen_by_number_or_not_measured_is_no_number() -> None:
    line = shown(replace(VARIANT, quality=None, score=None, cpu_seconds=None))[2]
    assert line.split()[-2:] == ["%", "lossless"]


def test_only_what_is_out_of_the_ordinary_is_said_of_a_source() -> None:
    assert describe_source(SOURCE) == "PNG, 800×600, 200.0 KiB"  # noqa: RUF001 - the sign for sizes
    odd = replace(SOURCE, orientation=6, frames=12, seconds=1.44, has_alpha=True)
    assert describe_source(odd).endswith(
        "turned upright (EXIF orientation 6), 12 frames in 1.4 s, transparency"
    )


def test_a_variant_that_moves_says_for_how_long() -> None:
    line, still = shown(replace(VARIANT, frames=12, seconds=1.44), VARIANT)[2:4]
    assert line.endswith("42 ms  12 frames in 1.4 s")
    assert still.endswith("42 ms")
