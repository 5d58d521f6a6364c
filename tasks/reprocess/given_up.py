"""Which images could not be made for the current target, so that no night tries them again.

A failure speaks for the target under which it happened: a preset or pipeline that changed since
then is a new reason to try. It must not know what else is selected.
"""

from sqlalchemy import ColumnElement, case, func, or_, select

from infra.contract.errors import ErrorCode
from infra.contract.source_refs import upload_source
from infra.contract.states import ImageState
from infra.db.models.catalogue import Image
from infra.db.models.jobs import Job, JobImage
from infra.db.models.policies import PresetTarget

_TRIES = 3
"""Jobs with a failure that may pass: an image that kills its decoder says so every time."""


def is_uploaded() -> ColumnElement[bool]:
    """Whether the image came as a file."""
    return Image.source_url.startswith(upload_source(""), autoescape=True)


def is_given_up(made: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether what is stored of the image failed in the preset since its target was set.

    Once for good, or three times. Failures of suppliers say nothing of what is stored. What
    was cancelled was not tried; an image that shows nothing for that reason stays so.
    """
    cancelled = JobImage.error_code == ErrorCode.CANCELLED
    weight = case((JobImage.error_retryable.is_(True) & ~cancelled, 1), else_=_TRIES)
    tries = (
        select(func.sum(weight))
        .join(Job, Job.id == JobImage.job_id)
        .where(
            JobImage.image_id == Image.id,
            JobImage.state == ImageState.FAILED,
            or_(~cancelled, Image.original_sha256.is_(None)),
            JobImage.finished_at >= PresetTarget.set_at,
            Job.preset == made,
            or_(Job.from_stored.is_(True), is_uploaded()),
        )
        .correlate(Image, PresetTarget)
        .scalar_subquery()
    )
    return func.coalesce(tries, 0) >= _TRIES
