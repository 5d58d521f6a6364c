"""The table that people see of a finished job."""

import io
from typing import Any

import pytest
from rich.console import Console

from api.cli.views.job_table import print_job
from api.formats import human_bytes

COLUMNS = 80
URL = "http://127.0.0.1:8333/b/variants/" + "a" * 64 + "/f0f0/w800-webp.webp"


def shown(job: Any, width: int = COLUMNS) -> list[str]:
    out = io.StringIO()
    print_job(Console(file=out, width=width, highlight=False), job)
    return out.getvalue().splitlines()


def image(**changes: Any) -> dict[str, Any]:
    variant = {"name": "w800-webp", "width": 800, "height": 600, "bytes": 20_480, "url": URL}
    return {
        "position": 0,
        "source_url": "https://supplier.example/front.jpg",
        "source_bytes": 204_800,
        "outcome": "created",
        "error": None,
        "variants": [variant],
        **changes,
    }


def job(*images: dict[str, Any], state: str = "ready") -> dict[str, Any]:
    return {"id": "01900000-0000-7000-8000-000000000001", "state": state, "images": list(images)}


def test_a_ready_image_is_a_heading_and_a_line_per_variant() -> None:
    assert shown(job(image())) == [
        "Job 01900000-0000-7000-8000-000000000001 is ready",
        "",
        "0  https://supplier.example/front.jpg (created, 200.0 KiB)",
        "   variant       size     bytes  saved  URL",
        f"   w800-webp  800×600  20.0 KiB   90 %  {URL}",  # noqa: RUF001 - the sign for sizes
    ]


def test_a_failed_image_says_why_and_has_no_table() -> None:
    error = {"code": "http_404", "detail": "The server answered with 404.", "retryable": False}

    lines = shown(job(image(error=error, variants=[]), state="failed"))

    assert lines[0].endswith(" is failed")
    assert lines[2:] == [
        "0  https://supplier.example/front.jpg",
        "   The server answered with 404. (http_404)",
    ]


def test_urls_are_not_broken_into_lines_so_that_they_can_be_copied() -> None:
    lines = shown(job(image()))

    assert lines[-1].endswith(URL)
    assert len(lines[-1]) > COLUMNS
    assert all(len(line) <= COLUMNS for line in lines if URL not in line)


@pytest.mark.parametrize("width", [40, COLUMNS, 200])
def test_the_table_is_the_same_in_every_width(width: int) -> None:
    assert shown(job(image()), width)[2:] == shown(job(image()))[2:]


def test_columns_stand_below_each_other_for_the_longest_names_and_sizes() -> None:
    wide = {"name": "w16383-webp", "width": 16383, "height": 16383, "bytes": 52_428_800, "url": "u"}

    head, line = shown(job(image(variants=[wide])))[-2:]

    assert head.index("URL") == line.index("u")


def test_nothing_of_the_text_is_taken_for_markup() -> None:
    lines = shown(job(image(source_url="https://supplier.example/[red]a[/red].jpg")))

    assert "[red]a[/red]" in lines[2]


def test_a_source_of_unknown_size_has_no_savings() -> None:
    heading, _, line = shown(job(image(source_bytes=None)))[-3:]

    assert heading.endswith("(created)")
    assert "%" not in line


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1_048_575, "1024.0 KiB"),
        (1_048_576, "1.00 MiB"),
        (52_428_800, "50.00 MiB"),
    ],
)
def test_sizes_are_written_for_people(count: int, text: str) -> None:
    assert human_bytes(count) == text
