"""Images of products made by known policies, and what becomes of them."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from infra.db.engine import Database
from infra.db.models.batches import Batch
from infra.db.models.catalogue import Image
from infra.db.models.jobs import Job, JobImage
from tasks.imaging.presets.catalogue import Presets, packaged_presets
from tasks.imaging.presets.fingerprint import policy_fingerprint
from tasks.jobs.claim import Claim
from tasks.jobs.record import record
from tasks.reprocess.plan import plan_some
from tasks.reprocess.selector import Selector
from tasks.reprocess.start import Started, start
from tasks.reprocess.targets import publish_targets
from tasks.submission.submit import Submission, submit
from tests.integration.tasks.job_rows import claimed, done, url

PRESETS = packaged_presets()


def fingerprint(preset: str = "web") -> str:
    """Return what the package's preset gives in this process."""
    return policy_fingerprint(PRESETS.named(preset))


def edited(*names: str) -> Presets:
    """Return the package's presets, those of the names with another revision."""
    return Presets(
        {
            name: replace(preset, revision=preset.revision + (name in names))
            for name in PRESETS
            for preset in [PRESETS.named(name)]
        }
    )


def publish(database: Database, *changed: str) -> Presets:
    """Set the targets to presets of which some have changed."""
    presets = edited(*changed)
    publish_targets(database, presets)
    return presets


def made(database: Database, *names: str, by: str | None = None, **fields: Any) -> UUID:
    """Submit pictures of one product, record them as made by a fingerprint; return the product."""
    wanted = Submission(**{"preset": "web", "urls": tuple(map(url, names)), **fields})
    job = submit(database, wanted)
    finish(database, claimed(database, job.job_id), by=by or fingerprint(wanted.preset))
    return job.product_id


def finish(database: Database, mine: Claim, *, by: str) -> None:
    """Record all images of a claim as made from the bytes that their URLs stand for."""
    results = [replace(done(image, image.source_url), fingerprint=by) for image in mine.images]
    record(database, mine, results)


def begun(database: Database, selector: Selector, presets: Presets = PRESETS) -> Started:
    """Start a batch and plan all of it."""
    started = start(database, selector, presets)
    if started.batch_id is not None:
        planned(database, started.batch_id)
    return started


def planned(database: Database, batch_id: UUID, *, limit: int = 100) -> int:
    """Plan the rest of a batch; return how many jobs were written."""
    total = 0
    while count := plan_some(database, batch_id, limit=limit):
        total += count
    return total


def jobs_of(database: Database, batch_id: UUID) -> list[Job]:
    """Return the jobs of a batch in their order."""
    with database.transaction() as session:
        statement = select(Job).where(Job.batch_id == batch_id).order_by(Job.batch_position)
        return list(session.scalars(statement))


def sources_of(database: Database, batch_id: UUID | None) -> list[str]:
    """Return the names of the pictures that a batch makes, sorted; none without a batch."""
    if batch_id is None:
        return []
    statement = (
        select(Image.source_url)
        .join(JobImage, JobImage.image_id == Image.id)
        .join(Job, Job.id == JobImage.job_id)
        .where(Job.batch_id == batch_id)
        .order_by(Image.source_url)
    )
    with database.transaction() as session:
        return [
            source.rsplit("/", 1)[-1].removesuffix(".jpg") for source in session.scalars(statement)
        ]


def chosen(database: Database, selector: Selector, presets: Presets = PRESETS) -> list[str]:
    """Return the names of the pictures that a selection makes."""
    return sources_of(database, begun(database, selector, presets).batch_id)


def batch_row(database: Database, batch_id: UUID) -> Batch:
    """Return a batch as PostgreSQL holds it."""
    with database.transaction() as session:
        return session.get_one(Batch, batch_id)


def run(database: Database, statement: str, **values: object) -> None:
    """Change rows behind everybody's back."""
    with database.transaction() as session:
        session.execute(text(statement), values)
