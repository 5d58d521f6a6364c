"""Batches whose jobs a test works on itself, as workers would."""

import json
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from infra.contract.states import JobState
from infra.db.engine import Database
from infra.db.models.jobs import Job
from tasks.batches.read import BatchView, read_batch
from tasks.jobs.record import record
from tests.integration.imports.files import jobs_of
from tests.integration.tasks.job_rows import claimed, done, failed
from tests.integration.webhooks.mail import deliveries

Work = Callable[[Database, UUID], None]


def make(database: Database, job_id: UUID) -> None:
    """Claim a job and record every image as made."""
    mine = claimed(database, job_id)
    record(database, mine, [done(image, image.source_url) for image in mine.images])


def fail(database: Database, job_id: UUID) -> None:
    """Claim a job and record every image as failed."""
    mine = claimed(database, job_id)
    record(database, mine, [failed(image) for image in mine.images])


def half(database: Database, job_id: UUID) -> None:
    """Claim a job and record all but its first image as failed."""
    mine = claimed(database, job_id)
    first, *others = mine.images
    record(database, mine, [done(first, first.source_url), *map(failed, others)])


def work(database: Database, batch_id: UUID, ways: Iterable[Work]) -> None:
    """Do each job of a batch that waits in its way; jobs without a way are left."""
    for job, way in zip(waiting(database, batch_id), ways, strict=False):
        way(database, job.id)


def waiting(database: Database, batch_id: UUID) -> Sequence[Job]:
    """Return the queued jobs of a batch."""
    return [job for job in jobs_of(database, batch_id) if job.state is JobState.QUEUED]


def states(database: Database, batch_id: UUID) -> list[str]:
    """Return the states of a batch's jobs in its order."""
    return [job.state.value for job in jobs_of(database, batch_id)]


def seen(database: Database, batch_id: UUID) -> BatchView:
    """Return a batch as it is shown."""
    view = read_batch(database, batch_id)
    assert view is not None
    return view


def told(database: Database, event: str) -> list[dict[str, object]]:
    """Return what receivers are owed about an event."""
    bodies = [json.loads(row.payload) for row in deliveries(database)]
    return [body["data"] for body in bodies if body["type"] == event]
