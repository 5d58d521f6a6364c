"""Use cases: change one image of a product, or the order of all; what is not named stays.

The product is locked with its unfinished jobs, as in every transaction that writes images.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import case, delete, exists, func, select, update
from sqlalchemy.orm import Session

from infra.contract.errors import ErrorCode, Rejected
from infra.contract.states import JobState, Lane
from infra.db.engine import Database
from infra.db.ids import new_id
from infra.db.models.catalogue import Image
from infra.db.models.jobs import Job, JobImage
from infra.db.models.validators import SourceValidators
from infra.db.retry import again_after_conflict
from tasks.contents.references import contents_of
from tasks.contents.remove import forget_unreferenced
from tasks.imaging.presets.catalogue import Presets
from tasks.imaging.presets.model import Fit
from tasks.products.locks import lock_with_jobs
from tasks.products.set_images import ImagesSet, cancel_without_images
from tasks.submission.job_images import queue_job_images
from tasks.submission.submit import Submission, write_job


@again_after_conflict
def order_images(database: Database, product_id: UUID, image_ids: Sequence[UUID]) -> None:
    """Show the images in this order.

    Raises `Rejected`: 404 for no such product, 422 unless each of its images is named once.
    """
    with database.transaction() as session:
        lock_with_jobs(session, product_id)
        known = session.scalars(select(Image.id).where(Image.product_id == product_id)).all()
        if sorted(image_ids) != sorted(known):
            raise Rejected(
                422,
                ErrorCode.INVALID_REQUEST,
                f"image_ids: must name each of the product's {len(known)} images once.",
            )
        _number(session, image_ids)


@dataclass(frozen=True, slots=True)
class ImageFields:
    """What of an image is changed: those that are named. A focal point of None is the preset's."""

    named: frozenset[str]
    alt: str | None = None
    focus: tuple[float, float] | None = None


@again_after_conflict
def change_image(
    database: Database, product_id: UUID, image_id: UUID, *, fields: ImageFields, presets: Presets
) -> ImagesSet:
    """Write the fields; for another focal point, also a job that crops anew what is stored.

    Only what a preset crops is made again. Raises `Rejected` (404).
    """
    with database.transaction() as session:
        lock_with_jobs(session, product_id)
        image, job_id = _image(session, product_id, image_id), None
        if "alt" in fields.named and image.alt != fields.alt:
            image.alt, image.updated_at = fields.alt, func.now()
        if "focus" in fields.named and image.focus != fields.focus:
            image.focus_x, image.focus_y = fields.focus or (None, None)
            image.updated_at = func.now()
            session.flush()
            preset = _newest_preset(session, image_id)
            crops = preset in presets and presets.named(preset).fit is Fit.COVER
            if crops and image.original_sha256 is not None:
                job_id = _crop_anew(session, image, preset)
        return ImagesSet(product_id, job_id)


def _crop_anew(session: Session, image: Image, preset: str) -> UUID:
    """Write a job on the stored original; the image keeps what it shows until that is made."""
    job = Job(
        id=new_id(),
        product_id=image.product_id,
        lane=Lane.INTERACTIVE,
        state=JobState.QUEUED,
        preset=preset,
        from_stored=True,
        quiet=True,
    )
    session.add(job)
    session.flush()
    parts = {"job_id": str(job.id), "image_id": str(image.id), "position": 0}
    queue_job_images(session, [parts])
    return job.id


@again_after_conflict
def delete_image(database: Database, product_id: UUID, image_id: UUID) -> None:
    """Remove the image with what jobs did for it; the others close up. Raises `Rejected` (404).

    A worker removes the objects that nothing refers to any more.
    """
    with database.transaction() as session:
        jobs = lock_with_jobs(session, product_id)
        _image(session, product_id, image_id)
        contents = contents_of(session, Image.id == image_id)
        session.execute(delete(Image).where(Image.id == image_id))
        cancel_without_images(session, jobs)
        left = select(Image.id).where(Image.product_id == product_id).order_by(Image.position)
        _number(session, session.scalars(left).all())
        forget_unreferenced(session, contents)


@again_after_conflict
def replace_image(
    database: Database, product_id: UUID, image_id: UUID, *, submission: Submission
) -> ImagesSet:
    """Give the image another source, the only one of `submission`, and a job that makes it.

    Place and alternative text stay, and its variants are shown until the new ones are made. An
    empty preset means the one in which a job made the image last. Raises `Rejected`: 404 for no
    such product or image, 422 when another image of the product has that source.
    """
    (source,) = submission.sources
    with database.transaction() as session:
        lock_with_jobs(session, product_id)
        image = _image(session, product_id, image_id)
        taken = exists().where(
            Image.product_id == product_id, Image.source_url == source, Image.id != image_id
        )
        if session.scalar(select(taken)):
            detail = "Another image of the product has this source already."
            raise Rejected(422, ErrorCode.INVALID_URL, detail)
        if image.source_url != source:
            image.source_url = source
            known = delete(SourceValidators).where(SourceValidators.image_id == image_id)
            session.execute(known)  # what another source said of other bytes
        session.flush()
        preset = submission.preset or _newest_preset(session, image_id)
        job = write_job(session, product_id, replace(submission, preset=preset))
        return ImagesSet(product_id, job.job_id)


def _image(session: Session, product_id: UUID, image_id: UUID) -> Image:
    image = session.get(Image, image_id)
    if image is None or image.product_id != product_id:
        raise Rejected(404, ErrorCode.NOT_FOUND, f"The product has no image {image_id}.")
    return image


def _newest_preset(session: Session, image_id: UUID) -> str:
    newest = (
        select(Job.preset)
        .join(JobImage, JobImage.job_id == Job.id)
        .where(JobImage.image_id == image_id)
        .order_by(Job.id.desc())
        .limit(1)
    )
    return session.scalars(newest).one()


def _number(session: Session, image_ids: Sequence[UUID]) -> None:
    if not image_ids:
        return
    places = {image_id: place for place, image_id in enumerate(image_ids)}
    place = case(places, value=Image.id)
    session.execute(
        update(Image)
        .where(Image.id.in_(image_ids), Image.position != place)
        .values(position=place, updated_at=func.now())
        .execution_options(synchronize_session=False)
    )
