"""What refers to contents: which originals and variants are in use, or were until lately."""

from datetime import timedelta

from sqlalchemy import ColumnElement, exists, func, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from infra.contract.source_refs import upload_source, uploaded_sha256
from infra.db.models.catalogue import Image
from infra.db.models.jobs import JobImage

_Text = InstrumentedAttribute[str] | InstrumentedAttribute[str | None]


def contents_of(session: Session, images: ColumnElement[bool]) -> frozenset[str]:
    """Return the SHA-256 of everything that these images, and jobs for them, refer to."""
    rows = session.execute(
        select(Image.source_url, Image.original_sha256, JobImage.original_sha256)
        .outerjoin(JobImage, JobImage.image_id == Image.id)
        .where(images)
    ).all()
    found = {sha for source, *shas in rows for sha in (uploaded_sha256(source), *shas)}
    return frozenset(sha for sha in found if sha is not None)


def content_is_shown(sha256: _Text) -> ColumnElement[bool]:
    """Return whether an image shows these bytes, or was uploaded as them."""
    uploaded = literal(upload_source("")) + sha256
    return exists().where(Image.original_sha256 == sha256).correlate_except(Image) | exists().where(
        Image.source_url == uploaded
    ).correlate_except(Image)


def variants_are_shown(sha256: _Text, fingerprint: _Text) -> ColumnElement[bool]:
    """Return whether an image shows the variants of these bytes under this policy."""
    return (
        exists()
        .where(Image.original_sha256 == sha256, Image.fingerprint == fingerprint)
        .correlate_except(Image)
    )


def is_in_a_recent_job(
    sha256: _Text, fingerprint: _Text, *, within: timedelta
) -> ColumnElement[bool]:
    """Return whether a job names them that has not ended, or ended within that time.

    Without a fingerprint: whether it names the bytes, under whatever policy.
    """
    return (
        exists()
        .where(
            JobImage.original_sha256 == sha256,
            or_(fingerprint.is_(None), JobImage.fingerprint == fingerprint),
            or_(JobImage.finished_at.is_(None), JobImage.finished_at > func.now() - within),
        )
        .correlate_except(JobImage)
    )
