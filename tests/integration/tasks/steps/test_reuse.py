"""The same bytes under the same policy are encoded once."""

from pathlib import Path

from infra.contract.states import Outcome
from infra.db.engine import Database
from tasks.steps.results import ClaimedImage, FetchedImage
from tasks.steps.reuse import reuse
from tests.integration.tasks.job_rows import (
    FINGERPRINT,
    claimed,
    done,
    finished,
    sha256_of,
    submitted,
)


def fetched(image: ClaimedImage, content: str) -> FetchedImage:
    return FetchedImage(image, Path("unread"), sha256_of(content), 1000)


def image_of(database: Database, name: str, sku: str) -> ClaimedImage:
    return claimed(database, submitted(database, name, sku=sku).job_id).images[0]


def test_unknown_bytes_have_nothing_to_reuse(database: Database) -> None:
    image = image_of(database, "a", "S-1")

    assert reuse(database, fetched(image, "a"), FINGERPRINT) is None


def test_what_the_product_shows_already_is_unchanged(database: Database) -> None:
    finished(database, "a", sku="S-1")

    again = reuse(database, fetched(image_of(database, "a", "S-1"), "a"), FINGERPRINT)

    assert again is not None
    assert again.outcome is Outcome.UNCHANGED
    assert again.original is None
    assert again.source_bytes == 1000
    assert again.variants == done(again.image, "a").variants


def test_known_bytes_from_another_url_are_deduplicated(database: Database) -> None:
    finished(database, "a", sku="S-1")

    copy = reuse(database, fetched(image_of(database, "copy", "S-2"), "a"), FINGERPRINT)

    assert copy is not None
    assert copy.outcome is Outcome.DEDUPLICATED
    assert copy.variants == done(copy.image, "a").variants


def test_changed_bytes_under_a_known_url_are_deduplicated_when_another_image_has_them(
    database: Database,
) -> None:
    finished(database, "a", sku="S-1")
    finished(database, "b", sku="S-2")

    changed = reuse(database, fetched(image_of(database, "a", "S-1"), "b"), FINGERPRINT)

    assert changed is not None
    assert changed.outcome is Outcome.DEDUPLICATED


def test_another_policy_reuses_nothing(database: Database) -> None:
    finished(database, "a", sku="S-1")

    assert reuse(database, fetched(image_of(database, "a", "S-1"), "a"), "0" * 16) is None
