"""Jobs, chunks and batches in every way in which a live system must not have them."""

from uuid import UUID

from infra.broker.rabbitmq import read_depths
from infra.contract.states import JobState, Lane, WaitReason
from infra.db.ids import new_id
from tasks.doctor.finding import Level
from tasks.workers.heartbeat import send_heartbeat
from tests.integration.tasks.doctor.patient import Patient
from tests.integration.tasks.job_rows import change, claimed, finished, job_row, submitted

BATCH = "INSERT INTO batches (id, kind, state, preset, created_at, finished_at) VALUES "
CHUNK = "INSERT INTO chunks (id, batch_id, state, jobs, images, created_at, finished_at) VALUES "
WORK = (
    *("workers", "leases", "ownership", "batches", "outbox"),
    *("messages", "results", "images"),
)


def lanes(patient: Patient) -> dict[Lane, int]:
    return dict(read_depths(patient.system.settings.broker).ready)


def batch(patient: Patient, *, running: bool) -> UUID:
    batch_id = new_id()
    ended = "NULL" if running else "now() - interval '1 hour'"
    state = "running" if running else "ready"
    values = f"(:id, 'import', '{state}', 'web', now() - interval '2 hours', {ended})"
    patient.execute(BATCH + values, id=batch_id)
    return batch_id


def test_a_system_at_work_is_well(patient: Patient) -> None:
    database = patient.system.database
    send_heartbeat(database, "worker-1")
    finished(database, "a", "b")
    claimed(database, submitted(database, "c").job_id)
    submitted(database, "d")

    assert [check for check in WORK if not patient.is_well(check)] == []


def test_workers_that_are_gone_or_wait_are_told(patient: Patient) -> None:
    assert patient.look("workers").level is Level.BROKEN

    send_heartbeat(patient.system.database, "worker-1", waits_for=WaitReason.STORAGE)

    waiting = patient.look("workers")
    assert (waiting.level, waiting.detail) == (
        Level.WARNING,
        "1 of 1 workers take no work: storage.",
    )


def test_a_job_without_a_worker_goes_back_to_the_queue(patient: Patient) -> None:
    database = patient.system.database
    job_id = submitted(database, "a").job_id
    claimed(database, job_id)
    change(database, job_id, "lease_expires_at = now() - interval '3 minutes'")

    found = patient.look("ownership")

    assert found.level is Level.BROKEN
    assert str(job_id) in found.detail
    assert "reaper" in found.advice
    assert patient.is_mended("ownership")
    assert job_row(database, job_id).state is JobState.QUEUED


def test_a_chunk_without_a_worker_goes_back_to_the_queue(patient: Patient) -> None:
    values = "(:id, :batch, 'running', 1, 1, now(), NULL, 'w', now() - interval '3 minutes')"
    columns = CHUNK.replace(") VALUES", ", lease_owner, lease_expires_at) VALUES")
    patient.execute(columns + values, id=new_id(), batch=batch(patient, running=True))

    assert "1 chunks run without a worker" in patient.look("ownership").detail
    assert patient.is_mended("ownership")


def test_what_was_not_published_is_published(patient: Patient) -> None:
    database = patient.system.database
    job_id = submitted(database, "a").job_id
    change(database, job_id, "created_at = now() - interval '3 minutes'")
    values = "(:id, :batch, 'queued', 1, 1, now() - interval '3 minutes', NULL)"
    patient.execute(CHUNK + values, id=new_id(), batch=batch(patient, running=True))

    found = patient.look("outbox")

    assert (found.level, lanes(patient)) == (Level.BROKEN, {Lane.INTERACTIVE: 0, Lane.BULK: 0})
    assert "1 jobs and 1 chunks are due" in found.detail
    assert patient.is_mended("outbox")
    assert lanes(patient) == {Lane.INTERACTIVE: 1, Lane.BULK: 1}


def test_a_job_that_waits_for_its_time_is_not_late(patient: Patient) -> None:
    database = patient.system.database
    job_id = submitted(database, "a").job_id
    late = "created_at = now() - interval '1 day', not_before = now() - interval '1 minute'"
    change(database, job_id, late)

    assert patient.is_well("outbox")


def test_a_message_that_was_lost_long_ago_is_sent_again(patient: Patient) -> None:
    database = patient.system.database
    send_heartbeat(database, "worker-1")
    job_id = submitted(database, "a").job_id
    change(database, job_id, "dispatched_at = now() - interval '2 hours'")

    assert patient.look("messages").level is Level.BROKEN
    assert patient.is_mended("messages")
    assert lanes(patient)[Lane.INTERACTIVE] == 1


def test_empty_queues_without_any_worker_have_lost_their_messages(patient: Patient) -> None:
    database = patient.system.database
    job_id = submitted(database, "a").job_id
    change(database, job_id, "dispatched_at = now() - interval '3 minutes'")
    values = "(:id, :batch, 'queued', 1, 1, now(), NULL, now() - interval '3 minutes')"
    columns = CHUNK.replace(") VALUES", ", dispatched_at) VALUES")
    patient.execute(columns + values, id=new_id(), batch=batch(patient, running=True))

    assert "1 jobs and 1 chunks seem lost" in patient.look("messages").detail
    assert patient.is_mended("messages")
    assert lanes(patient) == {Lane.INTERACTIVE: 1, Lane.BULK: 1}


def test_a_lease_after_a_jump_of_the_clock_is_shortened(patient: Patient) -> None:
    database = patient.system.database
    job_id = submitted(database, "a").job_id
    claimed(database, job_id)
    change(database, job_id, "lease_expires_at = now() + interval '3 days'")

    assert "PostgreSQL's clock" in patient.look("leases").detail
    assert patient.is_mended("leases")


def test_a_batch_without_a_leader_is_told(patient: Patient) -> None:
    batch_id = batch(patient, running=True)

    found = patient.look("batches")

    assert found.level is Level.BROKEN
    assert str(batch_id) in found.detail


def test_a_job_left_in_a_chunk_that_is_done_is_packed_again(patient: Patient) -> None:
    database = patient.system.database
    batch_id, chunk_id = batch(patient, running=True), new_id()
    leader = "UPDATE batches SET lease_owner = 'w', lease_expires_at = now() + interval '1 minute'"
    patient.execute(leader)
    values = "(:id, :batch, 'done', 1, 1, now(), now() - interval '3 minutes')"
    patient.execute(CHUNK + values, id=chunk_id, batch=batch_id)
    job_id = submitted(database, "a").job_id
    change(database, job_id, f"batch_id = '{batch_id}', chunk_id = '{chunk_id}'")

    assert patient.look("batches").level is Level.BROKEN
    assert patient.is_mended("batches")
    assert job_row(database, job_id).chunk_id is None


def test_a_job_left_in_a_batch_that_has_ended_is_told(patient: Patient) -> None:
    job_id = submitted(patient.system.database, "a").job_id
    change(patient.system.database, job_id, f"batch_id = '{batch(patient, running=False)}'")

    found = patient.look("batches")

    assert (found.level, str(job_id) in found.detail) == (Level.BROKEN, True)


def test_an_ended_job_that_disagrees_with_its_images_is_told(patient: Patient) -> None:
    job_id = finished(patient.system.database, "a").job_id
    patient.execute("UPDATE job_images SET state = 'failed'")

    found = patient.look("results")

    assert (found.level, str(job_id) in found.detail) == (Level.BROKEN, True)


def test_an_image_that_no_job_finishes_is_told(patient: Patient) -> None:
    finished(patient.system.database, "a")
    patient.execute("UPDATE images SET state = 'queued', updated_at = now() - interval '1 hour'")

    assert patient.look("images").level is Level.BROKEN
