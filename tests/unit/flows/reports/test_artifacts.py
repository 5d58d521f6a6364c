"""The report on a run's page: sums, pictures, variants with links, failures in words."""

import re
from dataclasses import replace

import pytest

from flows.reports.artifacts import report_of
from infra.contract.states import Outcome
from tasks.steps.results import ImageDone, ImageFailed, StoredVariant
from tests.unit.flows.support.claims import image_at

ASSETS = "https://assets.example/images"


def variant(name: str, width: int, size: int, *, score: float | None = None) -> StoredVariant:
    return StoredVariant(
        name=name,
        object_key=f"variants/aa/ff/{name}.webp",
        format="webp",
        width=width,
        height=width // 2,
        bytes=size,
        sha256="b" * 64,
        quality=80,
        score=score,
    )


def done(source_bytes: int, *variants: StoredVariant, position: int = 0) -> ImageDone:
    return ImageDone(
        image=image_at(position),
        outcome=Outcome.CREATED,
        sha256="a" * 64,
        source_bytes=source_bytes,
        fingerprint="ff",
        variants=variants,
    )


def failure(source_url: str = "https://supplier.example/3.jpg") -> ImageFailed:
    image = replace(image_at(3), source_url=source_url)
    return ImageFailed(image, "http_404", "The server answered with 404.", retryable=False)


def test_every_variant_is_a_row_with_its_savings_quality_score_and_a_link() -> None:
    report = report_of([done(10_000, variant("w800-webp", 800, 2500, score=94.321))], ASSETS)

    link = f"[open]({ASSETS}/variants/aa/ff/w800-webp.webp)"
    row = f"| w800-webp | 800×400 | 2,500 | 75 % | 80 | 94 | {link} |"  # noqa: RUF001 - the sign
    assert row in report.splitlines()


def test_the_source_and_the_narrowest_variant_are_shown() -> None:
    report = report_of(
        [done(10_000, variant("w800-webp", 800, 500), variant("w400-webp", 400, 100))], ASSETS
    )

    assert f"![image 0]({ASSETS}/variants/aa/ff/w400-webp.webp)" in report
    assert "(https://supplier.example/0.jpg), 10,000 bytes" in report


def test_the_first_line_sums_up_what_was_saved() -> None:
    first = done(1000, variant("w800-webp", 800, 500), variant("w400-webp", 400, 100))

    head = report_of([first, failure()], ASSETS).splitlines()[0]

    assert head.startswith("**1 of 2 images of this attempt are ready.** Sources: 1,000 bytes")
    assert "500 bytes, 50 % saved" in head


def test_a_failure_tells_its_code_its_sentence_and_whether_to_try_again() -> None:
    report = report_of([failure()], ASSETS)

    assert "`http_404` The server answered with 404." in report
    assert "Another try gives the same result." in report


@pytest.mark.parametrize("sign", ["|", "](http://evil.example) ", "<script>", "`", "\n# x"])
def test_what_a_supplier_writes_stays_text(sign: str) -> None:
    report = report_of([failure(f"https://supplier.example/{sign}.jpg")], ASSETS)

    (line,) = [line for line in report.splitlines() if line.startswith("Source:")]
    shown, _, target = line.removeprefix("Source: [").partition("](")
    assert re.search(r"(?<!\\)[|<>`#\[\]()]", shown) is None
    assert target.endswith(")")
    assert not set(target[:-1]) & set("()<>[]`| \n")


def test_an_uploaded_file_has_no_link() -> None:
    assert "Source: an uploaded file" in report_of([failure("upload:" + "a" * 64)], ASSETS)


def test_a_page_with_many_images_shows_the_first_pictures_only() -> None:
    many = [done(1000, variant("w400-webp", 400, 10), position=n) for n in range(60)]

    report = report_of(many, ASSETS)

    assert report.count("![") == 24
    assert report.count("[open]") == 60


def test_nothing_done_is_a_sentence() -> None:
    assert report_of([], ASSETS) == "**0 of 0 images of this attempt are ready.**"


def test_the_query_of_a_source_is_not_shown_to_prefect() -> None:
    image = replace(image_at(0), source_url="https://cdn.example/a.jpg?token=SECRET")
    made = replace(done(1000), image=image)
    refused = ImageFailed(image, "http_404", "The answer was 404.", retryable=False)

    report = report_of([made, refused], ASSETS)

    assert "SECRET" not in report
    assert report.count("cdn.example/a.jpg?\u2026") == 2
