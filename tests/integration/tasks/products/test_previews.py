"""What a page shows before its pictures arrive belongs to the bytes and the policy together."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, text

from infra.contract.states import Outcome
from infra.db.engine import Database
from infra.db.models.catalogue import Original, Preview
from infra.objectstore import ObjectStore
from tasks.imaging.models import PageFacts
from tasks.jobs.read import read_job
from tasks.jobs.record import record
from tasks.products.delete import delete
from tasks.products.read import read_product
from tasks.submission.submit import Submitted
from tests.integration.tasks.contents.litter import AGED, collect, execute
from tests.integration.tasks.job_rows import PAGE, claimed, done, finished, sha256_of, submitted

OTHER_FINGERPRINT = "e" * 16
OTHER_PAGE = PageFacts("#ffffff", "3OcRJYB4d3h/iIeHeEh3eIhw+j2w", "0123456789abcdef")


def made_by_the_other_policy(database: Database, content: str, sku: str) -> Submitted:
    job = submitted(database, f"{content}-{sku}", sku=sku)
    mine = claimed(database, job.job_id)
    made = done(mine.images[0], content)
    assert made.original is not None
    other = replace(made.original, page=OTHER_PAGE)
    record(database, mine, [replace(made, fingerprint=OTHER_FINGERPRINT, original=other)])
    return job


def shown(database: Database, product_id: UUID) -> PageFacts | None:
    product = read_product(database, product_id)
    assert product is not None
    return product.images[0].page


def test_the_preview_of_another_policy_leaves_that_of_the_first_alone(database: Database) -> None:
    first = finished(database, "same", sku="S-1")
    before = read_product(database, first.product_id)

    second = made_by_the_other_policy(database, "same", sku="S-2")

    assert shown(database, first.product_id) == PAGE
    assert shown(database, second.product_id) == OTHER_PAGE
    assert read_product(database, first.product_id) == before  # nor is its cached page outdated
    job, other = read_job(database, first.job_id), read_job(database, second.job_id)
    assert job is not None
    assert other is not None
    assert (job.images[0].page, other.images[0].page) == (PAGE, OTHER_PAGE)


def test_reused_variants_come_with_the_preview_of_their_policy(database: Database) -> None:
    finished(database, "same", sku="S-1")
    made_by_the_other_policy(database, "same", sku="S-2")
    job = submitted(database, "copy", sku="S-3")
    mine = claimed(database, job.job_id)

    record(database, mine, [done(mine.images[0], "same", Outcome.DEDUPLICATED)])

    assert shown(database, job.product_id) == PAGE


def test_a_changed_preview_makes_a_new_version_of_the_products_that_show_it(
    database: Database,
) -> None:
    first = finished(database, "same", sku="S-1")
    before = read_product(database, first.product_id)
    job = submitted(database, "again", sku="S-2")
    mine = claimed(database, job.job_id)
    made = done(mine.images[0], "same")
    assert made.original is not None

    record(database, mine, [replace(made, original=replace(made.original, page=OTHER_PAGE))])

    after = read_product(database, first.product_id)
    assert before is not None
    assert after is not None
    assert after.images[0].page == OTHER_PAGE
    assert after.head.updated_at > before.head.updated_at


def test_a_preview_that_an_older_worker_wrote_is_shown(database: Database) -> None:
    job = finished(database, "same", sku="S-1")
    execute(database, "DELETE FROM previews")
    with database.transaction() as session:
        session.execute(
            text("UPDATE originals SET dominant_colour = :c, thumbhash = :t, phash = :p"),
            {"c": PAGE.dominant_colour, "t": PAGE.thumbhash, "p": PAGE.phash},
        )

    assert shown(database, job.product_id) == PAGE


def test_a_deleted_product_leaves_no_preview_of_what_only_it_showed(
    database: Database,
) -> None:
    product = finished(database, "mine", "shared", sku="S-1").product_id
    finished(database, "shared", sku="S-2")
    execute(database, "UPDATE originals SET dominant_colour = '#000000', thumbhash = 't'")

    delete(database, product)

    with database.transaction() as session:
        assert session.scalars(select(Preview.original_sha256)).all() == [sha256_of("shared")]
        old = select(Original.sha256).where(Original.thumbhash.is_not(None))
        assert session.scalars(old).all() == [sha256_of("shared")]


def test_a_preview_goes_with_the_variants_of_its_policy(
    database: Database, own_store: ObjectStore
) -> None:
    finished(database, "same", sku="S-1")
    second = made_by_the_other_policy(database, "same", sku="S-2")
    rules = replace(AGED, superseded_retention=timedelta(0), original_retention=timedelta(0))
    execute(database, f"DELETE FROM products WHERE id = '{second.product_id}'")

    collect(database, own_store, rules)
    collect(database, own_store, rules)

    with database.transaction() as session:
        (left,) = session.scalars(select(Preview)).all()
    assert (left.original_sha256, left.thumbhash) == (sha256_of("same"), PAGE.thumbhash)
