"""The table on a run's page: a row per variant, a row per failure."""

from flows.report import table_of
from infra.states import Outcome
from tasks.result import ImageDone, ImageFailed, StoredVariant
from tests.unit.flows.claims import image_at

ASSETS = "https://assets.example/images"


def variant(name: str, width: int, size: int) -> StoredVariant:
    return StoredVariant(
        name=name,
        object_key=f"variants/aa/ff/{name}.webp",
        format="webp",
        width=width,
        height=width // 2,
        bytes=size,
        sha256="b" * 64,
        quality=80,
        score=None,
    )


def done(source_bytes: int, *variants: StoredVariant) -> ImageDone:
    return ImageDone(
        image=image_at(0),
        outcome=Outcome.CREATED,
        sha256="a" * 64,
        source_bytes=source_bytes,
        fingerprint="ff",
        variants=variants,
    )


def test_every_variant_is_a_row_with_its_savings_and_a_link() -> None:
    rows = table_of([done(1000, variant("w800-webp", 800, 250))], ASSETS)

    assert rows == [
        {
            "image": 0,
            "outcome": "created",
            "variant": "w800-webp",
            "size": "800×400",  # noqa: RUF001 - the sign for sizes
            "bytes": 250,
            "saved": "75 %",
            "link": "[open](https://assets.example/images/variants/aa/ff/w800-webp.webp)",
        }
    ]


def test_a_failure_is_a_row_with_its_code_and_sentence() -> None:
    failure = ImageFailed(image_at(3), "http_404", "The server answered with 404.", retryable=False)

    (row,) = table_of([failure], ASSETS)

    assert (row["image"], row["outcome"]) == (3, "http_404")
    assert row["link"] == "The server answered with 404."


def test_all_rows_have_the_same_columns_in_the_order_of_the_results() -> None:
    failure = ImageFailed(image_at(1), "corrupt", "It is broken.", retryable=False)
    first = done(1000, variant("w800-webp", 800, 500), variant("w400-webp", 400, 100))

    rows = table_of([first, failure], ASSETS)

    assert [row["image"] for row in rows] == [0, 0, 1]
    assert len({tuple(row) for row in rows}) == 1


def test_a_variant_larger_than_its_source_saves_less_than_nothing() -> None:
    (row,) = table_of([done(100, variant("w800-webp", 800, 150))], ASSETS)

    assert row["saved"] == "-50 %"


def test_an_empty_source_has_no_savings() -> None:
    (row,) = table_of([done(0, variant("w800-webp", 800, 150))], ASSETS)

    assert row["saved"] == ""


def test_nothing_done_is_an_empty_table() -> None:
    assert table_of([], ASSETS) == []
