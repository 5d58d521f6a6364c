"""Use case: accept images of a product as one job, in one transaction.

Knows nothing of HTTP and nothing of the broker: a committed job is dispatched later.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from infra.contract.errors import ErrorCode, Rejected
from infra.contract.source_refs import upload_source
from infra.contract.states import ImageState, JobState, Lane
from infra.db.engine import Database
from infra.db.ids import new_id
from infra.db.locks import AdvisoryLock
from infra.db.models.catalogue import Image, Product
from infra.db.models.jobs import Job, JobImage
from infra.db.retry import again_after_conflict
from tasks.jobs.unfinished import NO_ERROR
from tasks.submission.queue_limit import QueueBound
from tasks.submission.uploads import Upload, write_uploads

__all__ = ["Submission", "Submitted", "SubmittedImage", "Upload", "submit"]


_LOCK_SOURCE = text("SELECT pg_advisory_xact_lock(hashtextextended(:source, :seed))")


@dataclass(frozen=True, slots=True)
class Submission:
    """What a caller wants: sources are normalised URLs; equal ones are one image.

    `flow_run_id` is set when a flow run is there already and claims the job itself: then nothing
    publishes it. `bound` says how many jobs may wait; without one there is no bound.
    """

    preset: str
    urls: tuple[str, ...] = ()
    uploads: tuple[Upload, ...] = ()
    product_id: UUID | None = None
    sku: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    callback_url: str | None = None
    lane: Lane = Lane.INTERACTIVE
    flow_run_id: UUID | None = None
    bound: QueueBound | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """All sources in the order given, without repetitions."""
        uploads = (upload_source(upload.sha256) for upload in self.uploads)
        return tuple(dict.fromkeys((*self.urls, *uploads)))


@dataclass(frozen=True, slots=True)
class SubmittedImage:
    """An image of the job; `position` is its place in the job, from 0."""

    id: UUID
    position: int
    source_url: str
    state: ImageState


@dataclass(frozen=True, slots=True)
class Submitted:
    """The committed job; `replayed` when an earlier request with the same key made it."""

    job_id: UUID
    product_id: UUID
    state: JobState
    images: tuple[SubmittedImage, ...]
    replayed: bool = False


@again_after_conflict
def submit(database: Database, submission: Submission) -> Submitted:
    """Write product, images and job; return when they are committed.

    Raises `Rejected` for an unknown product, `ServiceUnavailable` when PostgreSQL is away.
    """
    with database.transaction() as session:
        return submit_within(session, submission)


def submit_within(
    session: Session, submission: Submission, *, job_id: UUID | None = None
) -> Submitted:
    """Write product, images and job within the caller's transaction.

    `job_id` is the job's id when the caller has chosen it already.
    """
    product_id = _find_or_create_product(session, submission)
    return write_job(session, product_id, submission, job_id=job_id)


def write_job(
    session: Session, product_id: UUID, submission: Submission, *, job_id: UUID | None = None
) -> Submitted:
    """Write images and job within the caller's transaction, which has the product's row locked.

    Raises `QueueFull` when as many jobs wait as may.
    """
    if submission.bound is not None:
        submission.bound.require_room(session, submission.lane)
    write_uploads(session, submission.uploads)
    images = _place_images(session, product_id, submission.sources)
    job = Job(
        id=job_id or new_id(),
        product_id=product_id,
        lane=submission.lane,
        state=JobState.QUEUED,
        preset=submission.preset,
        details=submission.metadata,
        callback_url=submission.callback_url,
        flow_run_id=submission.flow_run_id,
        dispatched_at=None if submission.flow_run_id is None else func.now(),
    )
    session.add(job)
    session.flush()
    session.add_all(
        JobImage(job_id=job.id, image_id=image.id, position=image.position, state=image.state)
        for image in images
    )
    return Submitted(job.id, product_id, JobState.QUEUED, images)


def _find_or_create_product(session: Session, submission: Submission) -> UUID:
    """Return the product's id with its row locked, so that positions do not collide."""
    if submission.product_id is not None:
        return _lock_product(session, submission.product_id, submission.sku)
    if submission.sku is not None:
        upsert = insert(Product).values(id=new_id(), sku=submission.sku)
        statement = upsert.on_conflict_do_update(
            index_elements=[Product.sku], set_={"updated_at": func.now()}
        )
        return session.scalars(statement.returning(Product.id)).one()
    if len(submission.sources) == 1:
        found = _lock_product_of_source(session, submission.sources[0])
        if found is not None:
            return found
    product = Product(id=new_id())
    session.add(product)
    session.flush()
    return product.id


def _lock_product(session: Session, product_id: UUID, sku: str | None) -> UUID:
    product = session.get(Product, product_id, with_for_update=True)
    if product is None:
        raise Rejected(404, ErrorCode.NOT_FOUND, f"There is no product {product_id}.")
    if sku is not None and product.sku != sku:
        raise Rejected(
            422,
            ErrorCode.INVALID_REQUEST,
            f"Product {product_id} has another sku. Send product_id or sku, not both.",
        )
    return product_id


def _lock_product_of_source(session: Session, source: str) -> UUID | None:
    """Find the product without sku that has this image; the lock makes two posts take turns."""
    session.execute(_LOCK_SOURCE, {"source": source, "seed": int(AdvisoryLock.SOURCE_URL)})
    statement = (
        select(Product.id)
        .join(Image, Image.product_id == Product.id)
        .where(Product.sku.is_(None), Image.source_url == source)
        .order_by(Product.id)
        .limit(1)
        .with_for_update(of=Product)
    )
    return session.scalars(statement).first()


def _place_images(
    session: Session, product_id: UUID, sources: Sequence[str]
) -> tuple[SubmittedImage, ...]:
    """Queue known images again in place; append new ones."""
    known = {
        image.source_url: image.id
        for image in session.scalars(
            select(Image).where(Image.product_id == product_id, Image.source_url.in_(sources))
        )
    }
    if known:
        session.execute(
            update(Image)
            .where(Image.id.in_(known.values()))
            .values(state=ImageState.QUEUED, **NO_ERROR, updated_at=func.now())
        )
    last = session.scalar(select(func.max(Image.position)).where(Image.product_id == product_id))
    new = [source for source in sources if source not in known]
    for place, source in enumerate(new, start=0 if last is None else last + 1):
        known[source] = new_id()
        session.add(
            Image(
                id=known[source],
                product_id=product_id,
                position=place,
                source_url=source,
                state=ImageState.QUEUED,
            )
        )
    session.flush()
    return tuple(
        SubmittedImage(known[source], position, source, ImageState.QUEUED)
        for position, source in enumerate(sources)
    )
