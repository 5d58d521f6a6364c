"""The images that a job has not finished: what happens to them together, in both tables.

`job_images` say what this job did; `images` what the product shows now, which a quiet job does
not touch. The caller has the
job's row locked. The product's row is locked next and its images last, as in every transaction
that writes images: so no two wait for each other in a circle.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.orm import Session, aliased

from infra.contract.states import ImageState, JobState
from infra.db.models.catalogue import Image, Product
from infra.db.models.jobs import Job, JobImage

NO_ERROR = {"error_code": None, "error_detail": None, "error_retryable": None}


def lock_product(session: Session, product_id: UUID) -> str | None:
    """Lock the product's row until the transaction ends; return its sku."""
    statement = select(Product.sku).where(Product.id == product_id)
    return session.scalars(statement.with_for_update(key_share=True)).one()


def lock_products(session: Session, product_ids: Collection[UUID]) -> None:
    """Lock many products, in the order in which imports lock them."""
    statement = select(Product.id).where(Product.id.in_(product_ids))
    ordered = statement.order_by(Product.sku, Product.id)
    session.execute(ordered.with_for_update(key_share=True)).all()


def start_unfinished(session: Session, job: Job) -> None:
    """Show the unfinished images as being worked on; the caller has locked the product."""
    if not job.quiet:
        shown = {"state": ImageState.PROCESSING, **NO_ERROR, "updated_at": func.now()}
        session.execute(update(Image).where(_unfinished_of(job)).values(shown))
    session.execute(
        update(JobImage).where(_left_by(job)).values(state=ImageState.PROCESSING),
    )


def queue_unfinished(session: Session, job: Job) -> None:
    """Show the unfinished images as waiting again."""
    lock_product(session, job.product_id)
    if not job.quiet:
        session.execute(
            update(Image)
            .where(_unfinished_of(job), Image.state == ImageState.PROCESSING)
            .values(state=ImageState.QUEUED, updated_at=func.now())
        )
    session.execute(update(JobImage).where(_left_by(job)).values(state=ImageState.QUEUED))


def fail_unfinished(session: Session, job: Job, *, code: str, detail: str) -> int:
    """Fail the unfinished images, retryable; return how many there were.

    The product keeps showing the variants that an image had, and an image that another job
    has made or is going to make stays as it is.
    """
    lock_product(session, job.product_id)
    return fail_unfinished_of(session, [job.id], code=code, detail=detail)


def fail_unfinished_of(
    session: Session, job_ids: Collection[UUID], *, code: str, detail: str
) -> int:
    """Do the same for many jobs; the caller has locked their products, too."""
    failure = {
        "state": ImageState.FAILED,
        "error_code": code,
        "error_detail": detail,
        "error_retryable": True,
    }
    left = JobImage.job_id.in_(job_ids) & JobImage.finished_at.is_(None)
    pending = Image.state.in_((ImageState.QUEUED, ImageState.PROCESSING))
    loud = left & JobImage.job_id.in_(select(Job.id).where(Job.quiet.is_(False)))
    theirs = Image.id.in_(select(JobImage.image_id).where(loud))
    session.execute(
        update(Image)
        .where(theirs, pending, ~_awaited_from_others(job_ids))
        .values(**failure, updated_at=func.now())
    )
    failed = session.scalars(
        update(JobImage)
        .where(left)
        .values(**failure, finished_at=func.now())
        .returning(JobImage.image_id)
    )
    return len(failed.all())


def _left_by(job: Job) -> ColumnElement[bool]:
    return (JobImage.job_id == job.id) & JobImage.finished_at.is_(None)


def _unfinished_of(job: Job) -> ColumnElement[bool]:
    return Image.id.in_(select(JobImage.image_id).where(_left_by(job)))


def _awaited_from_others(job_ids: Collection[UUID]) -> ColumnElement[bool]:
    """Whether another job that has not ended still owes this image, and says what became of it."""
    other, theirs = aliased(Job), aliased(JobImage)
    return exists().where(
        theirs.image_id == Image.id,
        theirs.finished_at.is_(None),
        theirs.job_id == other.id,
        other.id.not_in(job_ids),
        other.quiet.is_(False),
        other.state.in_((JobState.QUEUED, JobState.RUNNING)),
    )
