"""Use case: make a list of images the images of a product: add, keep, reorder, remove.

One transaction also writes the job for new images, so that none waits without a job. What
is kept is not made again; a removed image takes what jobs did for it along.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.orm import Session

from infra.contract.errors import ErrorCode, Rejected
from infra.contract.source_refs import uploaded_sha256
from infra.db.engine import Database
from infra.db.models.catalogue import Image
from infra.db.models.jobs import Job, JobImage
from infra.db.retry import again_after_conflict
from tasks.contents.references import contents_of
from tasks.contents.remove import forget_unreferenced
from tasks.jobs.cancel import cancel_locked
from tasks.products.fields import Picture
from tasks.products.locks import lock_with_jobs
from tasks.submission.submit import Submission, write_job


@dataclass(frozen=True, slots=True)
class ImagesSet:
    """The committed product; `job_id` when new images have to be made."""

    product_id: UUID
    job_id: UUID | None


@again_after_conflict
def set_images(
    database: Database, product_id: UUID, *, pictures: Sequence[Picture], submission: Submission
) -> ImagesSet:
    """Write the list; a worker removes the objects that nothing refers to any more.

    `submission` says how new images are made. Raises `Rejected`: 404 for no such product, 422
    for an uploaded file that the product does not have.
    """
    wanted = {picture.source: picture for picture in reversed(pictures)}
    with database.transaction() as session:
        jobs = lock_with_jobs(session, product_id)
        images = session.scalars(select(Image).where(Image.product_id == product_id)).all()
        known = {image.source_url: image for image in images}
        for source in wanted:
            if uploaded_sha256(source) and source not in known:
                detail = (
                    f"The product has no image {source!r}. Upload files with POST /process-image."
                )
                raise Rejected(422, ErrorCode.INVALID_URL, detail)
        gone = [image.id for image in images if image.source_url not in wanted]
        contents = contents_of(session, Image.id.in_(gone))
        session.execute(delete(Image).where(Image.id.in_(gone)))
        cancel_without_images(session, jobs)
        new = [picture for picture in pictures if picture.source not in known]
        job_id = new_job(session, product_id, new, submission=submission)
        _arrange(session, product_id, pictures)
        forget_unreferenced(session, contents)
    return ImagesSet(product_id, job_id)


def cancel_without_images(session: Session, jobs: Sequence[Job]) -> None:
    """Cancel those of the locked jobs that have no image left."""
    for job in jobs:
        has_images = select(exists().where(JobImage.job_id == job.id))
        if not session.scalar(has_images):
            cancel_locked(session, job)


def new_job(
    session: Session, product_id: UUID, pictures: Sequence[Picture], *, submission: Submission
) -> UUID | None:
    """Append the images, which are new to the locked product, and write their job, if any."""
    if not pictures:
        return None
    urls = tuple(picture.source for picture in pictures)
    job = write_job(session, product_id, replace(submission, urls=urls, uploads=()))
    _describe(session, product_id, pictures)
    return job.job_id


def _arrange(session: Session, product_id: UUID, pictures: Sequence[Picture]) -> None:
    """Number the images in the order of the list; texts that were sent replace those that are."""
    sources = tuple(dict.fromkeys(picture.source for picture in pictures))
    for position, source in enumerate(sources):
        session.execute(
            update(Image)
            .where(
                Image.product_id == product_id,
                Image.source_url == source,
                Image.position != position,
            )
            .values(position=position, updated_at=func.now())
        )
    _describe(session, product_id, pictures)


def _describe(session: Session, product_id: UUID, pictures: Sequence[Picture]) -> None:
    for picture in reversed(pictures):  # of a repeated source the first one counts
        if not picture.keeps_alt:
            session.execute(
                update(Image)
                .where(
                    Image.product_id == product_id,
                    Image.source_url == picture.source,
                    Image.alt.is_distinct_from(picture.alt),
                )
                .values(alt=picture.alt, updated_at=func.now())
            )
