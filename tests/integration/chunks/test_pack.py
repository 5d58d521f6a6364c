"""Jobs of batches are packed into chunks, each once, whoever packs."""

from collections import Counter
from functools import partial

import pytest

from infra.db.engine import Database
from infra.settings.sections import BulkSettings, DispatchSettings
from tasks.chunks import pack
from tasks.chunks.pack import pack_due
from tasks.jobs.dispatch import dispatch_all, dispatch_due, forget_lost_dispatches
from tests.integration.chunks.batches import (
    BULK,
    batch_of,
    change_chunk,
    change_jobs,
    chunks_of,
    jobs_of,
    names,
)
from tests.integration.tasks.job_rows import at_once, submitted
from tests.integration.tasks.jobs.test_dispatch import Witness


def test_a_chunk_holds_no_more_jobs_than_it_may_and_keeps_their_order(database: Database) -> None:
    batch = batch_of(database, *names(25))

    assert pack_due(database, BULK) == 25

    chunks = chunks_of(database, batch)
    assert [chunk.jobs for chunk in chunks] == [10, 10, 5]
    places = {chunk.id: place for place, chunk in enumerate(chunks)}
    assert [places[job.chunk_id] for job in jobs_of(database, batch) if job.chunk_id] == (
        [0] * 10 + [1] * 10 + [2] * 5
    )


def test_chunks_are_filled_however_few_jobs_are_looked_at_in_one_transaction(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack, "_LEAST_JOBS_AT_ONCE", 12)
    batch = batch_of(database, *names(25))

    assert pack_due(database, BULK) == 25

    assert [chunk.jobs for chunk in chunks_of(database, batch)] == [10, 10, 5]


def test_a_chunk_holds_no_more_work_than_it_may_but_one_job_at_least(database: Database) -> None:
    batch = batch_of(database, *names(4, images=3))
    settings = BulkSettings.model_validate({"chunk_seconds": 6, "chunk_jobs": 50})
    pack_due(database, settings)
    assert [(chunk.jobs, chunk.images) for chunk in chunks_of(database, batch)] == [(2, 6)] * 2

    large = batch_of(database, *names(2, images=9))
    pack_due(database, settings)
    assert [chunk.jobs for chunk in chunks_of(database, large)] == [1, 1]


def test_what_recent_images_took_decides_how_many_fit(database: Database) -> None:
    first = batch_of(database, *names(3))
    pack_due(database, BULK)
    change_jobs(
        database,
        first,
        "state = 'ready', started_at = now() - interval '60 seconds', finished_at = now()",
    )
    change_chunk(database, chunks_of(database, first)[0].id, "state = 'done', finished_at = now()")

    second = batch_of(database, *names(10))
    pack_due(database, BULK)

    assert [chunk.jobs for chunk in chunks_of(database, second)] == [5, 5]


def test_two_batches_share_no_chunk(database: Database) -> None:
    one, other = batch_of(database, *names(3)), batch_of(database, *names(4))
    pack_due(database, BULK)
    assert [chunk.jobs for chunk in chunks_of(database, one)] == [3]
    assert [chunk.jobs for chunk in chunks_of(database, other)] == [4]


def test_many_packers_at_once_pack_each_job_once(database: Database) -> None:
    batch = batch_of(database, *names(60))

    packed = at_once([partial(pack_due, database, BULK)] * 6)

    assert sum(packed) == 60
    held = Counter(job.chunk_id for job in jobs_of(database, batch))
    assert None not in held
    assert {chunk.id: chunk.jobs for chunk in chunks_of(database, batch)} == dict(held)


def test_jobs_that_wait_for_their_time_and_jobs_of_a_batch_being_cancelled_stay_unpacked(
    database: Database,
) -> None:
    parked, cancelled = batch_of(database, *names(2)), batch_of(database, *names(2))
    change_jobs(database, parked, "not_before = now() + interval '1 hour'")
    with database.transaction() as session:
        from sqlalchemy import text

        session.execute(
            text("UPDATE batches SET cancel_requested_at = now() WHERE id = :id"),
            {"id": cancelled},
        )
    assert pack_due(database, BULK) == 0


def test_a_job_of_a_batch_that_has_ended_is_packed_when_it_is_queued_again(
    database: Database,
) -> None:
    batch = batch_of(database, *names(1), state="ready", finished_at="2026-01-01T00:00:00Z")
    assert pack_due(database, BULK) == 1
    assert len(chunks_of(database, batch)) == 1


def test_only_the_chunk_is_published_and_a_single_job_beside_it(database: Database) -> None:
    batch = batch_of(database, *names(3))
    alone = submitted(database, "alone").job_id
    witness = Witness()
    settings = DispatchSettings()
    dispatch_due(database, witness, settings)
    pack_due(database, BULK)

    dispatch_all(database, witness, settings)

    chunk = chunks_of(database, batch)[0]
    assert [message.encode() for message in witness.published] == [
        _job(alone),
        _chunk(chunk.id),
    ]
    assert dispatch_all(database, witness, settings) == 0


def test_a_chunk_whose_message_seems_lost_is_published_again(database: Database) -> None:
    batch = batch_of(database, *names(3))
    pack_due(database, BULK)
    witness, settings = Witness(), DispatchSettings(lost_after_seconds=60)
    dispatch_all(database, witness, settings)
    change_chunk(
        database, chunks_of(database, batch)[0].id, "dispatched_at = now() - interval '2 minutes'"
    )

    assert forget_lost_dispatches(database, settings) == 1
    assert dispatch_all(database, witness, settings) == 1


def _job(job_id: object) -> bytes:
    return f'{{"version": 1, "job_id": "{job_id}", "lane": "interactive"}}'.encode()


def _chunk(chunk_id: object) -> bytes:
    return f'{{"version": 1, "chunk_id": "{chunk_id}", "lane": "bulk"}}'.encode()
