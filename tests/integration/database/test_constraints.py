"""PostgreSQL refuses rows that contradict themselves, whoever writes them."""

from uuid import UUID

import pytest
from psycopg2.errors import IntegrityError as Refused
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from infra.contract.states import ImageState, JobState, Lane
from infra.db.engine import Database
from infra.db.ids import new_id
from infra.db.models.catalogue import Image, Product
from infra.db.models.jobs import Job, JobImage
from tests.integration.database.fresh import empty

SHOUTING_ORIGINAL = """
    INSERT INTO originals (sha256, object_key, format, media_type, bytes)
    VALUES (upper(repeat('a', 64)), 'k', 'jpeg', 'image/jpeg', 1)
"""


@pytest.fixture
def database(own_database: Database) -> Database:
    """One product with two images and a queued job."""
    empty(own_database)
    with own_database.transaction() as session:
        product = Product(id=new_id(), sku="C-1")
        session.add(product)
        session.flush()
        job = _job(product.id)
        images = [_image(product.id, position) for position in range(2)]
        session.add_all([job, *images])
        session.flush()
        session.add_all(
            JobImage(job_id=job.id, image_id=image.id, position=image.position, state=image.state)
            for image in images
        )
    return own_database


def _job(product_id: UUID) -> Job:
    return Job(
        id=new_id(),
        product_id=product_id,
        lane=Lane.INTERACTIVE,
        state=JobState.QUEUED,
        preset="web",
    )


def _image(product_id: UUID, position: int) -> Image:
    return Image(
        id=new_id(),
        product_id=product_id,
        position=position,
        source_url=f"http://supplier.example/{position}.jpg",
        state=ImageState.QUEUED,
    )


def execute(database: Database, statement: str) -> None:
    with database.transaction() as session:
        session.execute(text(statement))


def count(database: Database, table: str) -> int:
    with database.transaction() as session:
        return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


@pytest.mark.parametrize(
    ("constraint", "change"),
    [
        ("ck_jobs_state", "state = 'sleeping', finished_at = now()"),
        ("ck_jobs_lane", "lane = 'fast'"),
        ("ck_jobs_lease", "state = 'running', lease_owner = 'a'"),
        ("ck_jobs_lease", "lease_expires_at = now()"),
        ("ck_jobs_owner", "state = 'running', lease_expires_at = now()"),
        ("ck_jobs_owner", "lease_owner = 'a'"),
        ("ck_jobs_finished", "state = 'ready'"),
        ("ck_jobs_finished", "state = 'partial'"),
        ("ck_jobs_finished", "state = 'failed'"),
        ("ck_jobs_finished", "state = 'cancelled'"),
        ("ck_jobs_finished", "finished_at = now()"),
        ("fk_jobs_product_id", "product_id = gen_random_uuid()"),
    ],
)
def test_a_job_that_contradicts_itself_is_refused(
    database: Database, constraint: str, change: str
) -> None:
    with pytest.raises(IntegrityError) as refusal:
        execute(database, f"UPDATE jobs SET {change}")

    assert _constraint(refusal.value) == constraint


@pytest.mark.parametrize(
    "change",
    [
        "state = 'running', lease_owner = 'a', lease_expires_at = now()",
        "state = 'ready', finished_at = now()",
        "state = 'cancelled', finished_at = now()",
        "not_before = now(), dispatched_at = now(), cancel_requested_at = now()",
    ],
)
def test_a_job_that_is_consistent_is_accepted(database: Database, change: str) -> None:
    execute(database, f"UPDATE jobs SET {change}")


@pytest.mark.parametrize(
    ("constraint", "statement"),
    [
        ("ck_images_state", "UPDATE images SET state = 'running'"),
        ("ck_images_position_from_zero", "UPDATE images SET position = -1 WHERE position = 0"),
        ("uq_images_product_id_position", "UPDATE images SET position = 0"),
        ("uq_images_product_id_source_url", "UPDATE images SET source_url = 'x'"),
        ("fk_images_original_sha256", f"UPDATE images SET original_sha256 = '{'a' * 64}'"),
        ("ck_job_images_state", "UPDATE job_images SET state = 'cancelled'"),
        ("ck_job_images_outcome", "UPDATE job_images SET outcome = 'failed'"),
        ("uq_products_sku", "INSERT INTO products (id, sku) VALUES (gen_random_uuid(), 'C-1')"),
        (
            "ck_originals_sha256_is_hex",
            SHOUTING_ORIGINAL,
        ),
    ],
)
def test_an_impossible_row_is_refused_by_a_named_constraint(
    database: Database, constraint: str, statement: str
) -> None:
    with pytest.raises(IntegrityError) as refusal:
        execute(database, statement)

    assert _constraint(refusal.value) == constraint


def _constraint(error: IntegrityError) -> str | None:
    assert isinstance(error.orig, Refused)
    name: str | None = error.orig.diag.constraint_name
    return name


def test_images_can_change_places_within_one_transaction(database: Database) -> None:
    execute(database, "UPDATE images SET position = 1 - position")


def test_a_deleted_product_takes_its_images_and_jobs_along(database: Database) -> None:
    assert count(database, "job_images") == 2

    execute(database, "DELETE FROM products")

    assert [count(database, name) for name in ("images", "jobs", "job_images")] == [0, 0, 0]
