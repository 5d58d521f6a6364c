"""A claim gives a job to one process, for as long as that process renews it."""

from uuid import uuid4

from sqlalchemy import text

from infra.contract.errors import ErrorCode
from infra.contract.states import ImageState, JobState
from infra.db.engine import Database
from infra.db.models.jobs import Job
from tasks.jobs.claim import Claim, claim
from tasks.jobs.lease import Unclaimed, link_flow_run
from tasks.submission.submit import Submission, Upload, submit
from tests.integration.tasks.job_rows import (
    ELSEWHERE,
    FINGERPRINT,
    HERE,
    SETTINGS,
    change,
    claimed,
    expire,
    finished,
    image_rows,
    job_row,
    outcome_rows,
    sha256_of,
    submitted,
    url,
)


def lease_seconds(database: Database, job_id: object) -> float:
    statement = "SELECT extract(epoch FROM lease_expires_at - now()) FROM jobs WHERE id = :id"
    with database.transaction() as session:
        return float(session.execute(text(statement), {"id": job_id}).scalar_one())


def test_a_claimed_job_is_running_under_a_lease(database: Database) -> None:
    job = submitted(database, "a", "b", sku="S-1")

    mine = claimed(database, job.job_id)

    assert (mine.job_id, mine.product_id, mine.sku) == (job.job_id, job.product_id, "S-1")
    assert (mine.attempt, mine.fencing_token, mine.preset) == (1, 1, "web")
    assert [image.id for image in mine.images] == [image.id for image in job.images]
    assert [image.source_url for image in mine.images] == [url("a"), url("b")]
    row = job_row(database, job.job_id)
    assert (row.state, row.lease_owner, row.attempts) == (JobState.RUNNING, HERE, 1)
    assert row.started_at is not None
    assert (
        SETTINGS.lease_seconds - 10 < lease_seconds(database, job.job_id) <= SETTINGS.lease_seconds
    )


def test_images_are_shown_as_processing_while_an_attempt_works_on_them(database: Database) -> None:
    job = submitted(database, "a", "b", sku="S-1")
    mark_ready(database, job.job_id, position=0)
    before = image_rows(database, job.product_id)

    claimed(database, job.job_id)

    states = [row.state for row in outcome_rows(database, job.job_id)]
    assert states == [ImageState.READY, ImageState.PROCESSING]
    shown = image_rows(database, job.product_id)
    assert [row.state for row in shown] == [ImageState.QUEUED, ImageState.PROCESSING]
    assert [row.claimed_at for row in shown] == [None, None]
    assert shown[1].updated_at > before[1].updated_at


def test_a_claim_tells_when_it_was_made_and_which_run_showed_the_job(database: Database) -> None:
    job = submitted(database, "a")
    first = claimed(database, job.job_id)
    flow_run_id = uuid4()
    link_flow_run(database, first, flow_run_id)
    expire(database, job.job_id)

    second = claimed(database, job.job_id)

    assert (first.flow_run_id, second.flow_run_id) == (None, flow_run_id)
    assert (first.round, second.round) == (0, 0)
    assert first.claimed_at == job_row(database, job.job_id).started_at
    assert second.claimed_at > first.claimed_at


def test_a_held_job_is_not_claimed_again_and_tells_who_holds_it(database: Database) -> None:
    job = submitted(database, "a")
    claimed(database, job.job_id, owner=HERE)

    here = claim(database, job.job_id, owner=HERE, settings=SETTINGS)
    elsewhere = claim(database, job.job_id, owner=ELSEWHERE, settings=SETTINGS)

    assert (here, elsewhere) == (Unclaimed.HELD_HERE, Unclaimed.HELD_ELSEWHERE)
    row = job_row(database, job.job_id)
    assert (row.attempts, row.fencing_token, row.lease_owner) == (1, 1, HERE)


def test_an_expired_lease_is_taken_over_with_a_higher_fencing_token(database: Database) -> None:
    job = submitted(database, "a")
    first = claimed(database, job.job_id, owner=HERE)
    started = job_row(database, job.job_id).started_at
    expire(database, job.job_id)

    second = claimed(database, job.job_id, owner=ELSEWHERE)

    assert second.fencing_token > first.fencing_token
    assert second.attempt == 2
    row = job_row(database, job.job_id)
    assert (row.lease_owner, row.started_at) == (ELSEWHERE, started)
    assert lease_seconds(database, job.job_id) > 0


def test_after_the_last_attempt_the_job_and_its_images_are_given_up(database: Database) -> None:
    job = submitted(database, "a", "b", sku="S-1")
    for _ in range(SETTINGS.max_attempts):
        claimed(database, job.job_id)
        expire(database, job.job_id)

    assert claim(database, job.job_id, owner=HERE, settings=SETTINGS) is Unclaimed.GAVE_UP

    row = job_row(database, job.job_id)
    assert (row.state, row.attempts) == (JobState.FAILED, SETTINGS.max_attempts)
    assert row.error_code == ErrorCode.GAVE_UP
    assert row.error_detail is not None
    assert str(SETTINGS.max_attempts) in row.error_detail
    assert (row.lease_owner, row.lease_expires_at) == (None, None)
    assert row.finished_at is not None
    for rows in (outcome_rows(database, job.job_id), image_rows(database, job.product_id)):
        assert [row.state for row in rows] == [ImageState.FAILED] * 2
        assert [row.error_code for row in rows] == [ErrorCode.GAVE_UP] * 2
        assert [row.error_retryable for row in rows] == [True] * 2
    assert claim(database, job.job_id, owner=HERE, settings=SETTINGS) is Unclaimed.FINAL


def test_giving_up_spares_what_was_finished_before(database: Database) -> None:
    job = submitted(database, "a", "b", sku="S-1")
    mark_ready(database, job.job_id, position=0)
    change(database, job.job_id, f"attempts = {SETTINGS.max_attempts}")

    assert claim(database, job.job_id, owner=HERE, settings=SETTINGS) is Unclaimed.GAVE_UP

    states = [row.state for row in outcome_rows(database, job.job_id)]
    assert states == [ImageState.READY, ImageState.FAILED]


def mark_ready(database: Database, job_id: object, *, position: int) -> None:
    statement = """
        UPDATE job_images SET state = 'ready', outcome = 'created', finished_at = now()
        WHERE job_id = :id AND position = :position
    """
    with database.transaction() as session:
        session.execute(text(statement), {"id": job_id, "position": position})


def test_only_unfinished_images_are_claimed(database: Database) -> None:
    job = submitted(database, "a", "b", "c")
    mark_ready(database, job.job_id, position=1)

    mine = claimed(database, job.job_id)

    assert [image.position for image in mine.images] == [0, 2]


def test_a_claim_says_what_the_product_shows_now(database: Database) -> None:
    finished(database, "a", sku="S-1")

    (image,) = claimed(database, submitted(database, "a", sku="S-1").job_id).images

    assert (image.current_sha256, image.current_fingerprint) == (sha256_of("a"), FINGERPRINT)


def test_a_claim_says_where_an_uploaded_file_is_stored(database: Database) -> None:
    sha256 = sha256_of("file")
    file = Upload(sha256, f"originals/{sha256}.png", "png", "image/png", 7)
    job = submit(database, Submission("web", urls=(url("a"),), uploads=(file,)))

    mine = claimed(database, job.job_id)

    assert [image.stored_key for image in mine.images] == [None, file.object_key]


def test_a_parked_job_waits_for_its_time(database: Database) -> None:
    job = submitted(database, "a")
    change(database, job.job_id, "not_before = now() + interval '1 hour'")
    assert claim(database, job.job_id, owner=HERE, settings=SETTINGS) is Unclaimed.PARKED
    assert job_row(database, job.job_id).attempts == 0

    change(database, job.job_id, "not_before = now() - interval '1 second'")
    assert isinstance(claim(database, job.job_id, owner=HERE, settings=SETTINGS), Claim)


def test_a_job_that_was_deleted_is_absent(database: Database) -> None:
    job = submitted(database, "a")
    with database.transaction() as session:
        session.delete(session.get(Job, job.job_id))

    for job_id in (job.job_id, uuid4()):
        assert claim(database, job_id, owner=HERE, settings=SETTINGS) is Unclaimed.ABSENT


def test_a_finished_job_is_final(database: Database) -> None:
    job = finished(database, "a")

    assert claim(database, job.job_id, owner=HERE, settings=SETTINGS) is Unclaimed.FINAL
