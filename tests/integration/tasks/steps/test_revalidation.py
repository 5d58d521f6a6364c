"""A source is asked for changes only when "not modified" would be all that is needed."""

from dataclasses import replace

from sqlalchemy import text

from infra.contract.states import JobState, Outcome
from infra.db.engine import Database
from infra.fetch.validators import Validators
from tasks.jobs.record import record
from tasks.steps.results import ClaimedImage, ImageDone
from tasks.steps.revalidation import revalidation
from tests.integration.tasks.job_rows import (
    FINGERPRINT,
    claimed,
    count,
    done,
    outcome_rows,
    submitted,
    url,
)

V1 = Validators(url("a"), '"v1"', "Thu, 01 Jan 2026 00:00:00 GMT")
V2 = Validators(url("a"), '"v2"', None)


def fetched(
    image: ClaimedImage,
    said: Validators | None = V1,
    content: str = "a",
    outcome: Outcome = Outcome.CREATED,
) -> ImageDone:
    return replace(done(image, content, outcome), validators=said)


def recorded(database: Database, said: Validators | None = V1, content: str = "a") -> None:
    """Record the picture as fetched with these words and bytes."""
    mine = claimed(database, submitted(database, "a", sku="S-1").job_id)
    assert record(database, mine, [fetched(mine.images[0], said, content)]) is JobState.READY


def claimed_again(database: Database) -> ClaimedImage:
    return claimed(database, submitted(database, "a", sku="S-1").job_id).images[0]


def test_a_ready_image_is_asked_about_with_what_its_source_said(database: Database) -> None:
    recorded(database)
    image = claimed_again(database)

    asked = revalidation(database, image, FINGERPRINT)

    assert asked is not None
    assert asked.known == V1
    assert asked.unchanged == done(image, "a", Outcome.UNCHANGED)


def test_not_modified_is_recorded_as_unchanged_without_a_new_row(database: Database) -> None:
    recorded(database)
    before = [count(database, table) for table in ("originals", "variants", "source_validators")]
    mine = claimed(database, submitted(database, "a", sku="S-1").job_id)
    asked = revalidation(database, mine.images[0], FINGERPRINT)
    assert asked is not None

    assert record(database, mine, [asked.unchanged]) is JobState.READY

    (row,) = outcome_rows(database, mine.job_id)
    assert row.outcome is Outcome.UNCHANGED
    after = [count(database, table) for table in ("originals", "variants", "source_validators")]
    assert after == before
    again = revalidation(database, claimed_again(database), FINGERPRINT)
    assert again is not None
    assert again.known == V1


def test_a_new_image_is_fetched_whole(database: Database) -> None:
    assert revalidation(database, claimed_again(database), FINGERPRINT) is None


def test_a_source_that_said_nothing_is_fetched_whole(database: Database) -> None:
    recorded(database, None)
    assert revalidation(database, claimed_again(database), FINGERPRINT) is None


def test_for_another_policy_the_picture_is_fetched_whole(database: Database) -> None:
    recorded(database)
    assert revalidation(database, claimed_again(database), "0" * 16) is None


def test_without_its_variants_the_picture_is_fetched_whole(database: Database) -> None:
    recorded(database)
    with database.transaction() as session:
        session.execute(text("DELETE FROM variants"))
    assert revalidation(database, claimed_again(database), FINGERPRINT) is None


def test_words_about_former_bytes_are_not_used_for_newer_ones(database: Database) -> None:
    recorded(database)
    recorded(database, None, "newer")
    assert revalidation(database, claimed_again(database), FINGERPRINT) is None


def test_newer_words_replace_former_ones(database: Database) -> None:
    recorded(database)
    recorded(database, V2, "newer")

    asked = revalidation(database, claimed_again(database), FINGERPRINT)

    assert asked is not None
    assert asked.known == V2


def test_the_same_url_of_another_product_is_asked_for_itself(database: Database) -> None:
    recorded(database)
    other = claimed(database, submitted(database, "a", sku="S-2").job_id).images[0]
    assert revalidation(database, other, FINGERPRINT) is None


def test_words_about_an_image_that_was_taken_away_are_dropped(database: Database) -> None:
    mine = claimed(database, submitted(database, "a", "b", sku="S-1").job_id)
    with database.transaction() as session:
        session.execute(text("DELETE FROM images WHERE id = :id"), {"id": mine.images[0].id})

    record(database, mine, [fetched(image, V1, str(image.position)) for image in mine.images])

    assert count(database, "source_validators") == 1
