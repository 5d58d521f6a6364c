"""Removes contents that no image and no job refers to any more: rows first, objects later.

The rows go within the caller's transaction, which also requests the removal of their objects (see
`tasks.contents.remove`): a crash leaves requests, and never rows without objects.

Another job may have found or stored the same bytes at that very moment. Its result must not
announce what is being removed here, so the original's row stays and says when it was forgotten:
what an attempt stored that was claimed before is not taken (see `tasks.contents.removal_guard`).
"""

from collections.abc import Collection

from sqlalchemy import ColumnElement, delete, exists, func, literal, not_, select, update
from sqlalchemy.orm import Session

from infra.contract.object_keys import Folder
from infra.contract.source_refs import upload_source, uploaded_sha256
from infra.db.models.catalogue import Image, Original, Preview, Variant
from infra.db.models.jobs import JobImage
from tasks.contents.page_facts import NO_PREVIEW
from tasks.contents.remove import request_removal


def contents_of(session: Session, images: ColumnElement[bool]) -> frozenset[str]:
    """Return the SHA-256 of everything that these images, and jobs for them, refer to."""
    rows = session.execute(
        select(Image.source_url, Image.original_sha256, JobImage.original_sha256)
        .outerjoin(JobImage, JobImage.image_id == Image.id)
        .where(images)
    ).all()
    found = {sha for source, *shas in rows for sha in (uploaded_sha256(source), *shas)}
    return frozenset(sha for sha in found if sha is not None)


def forget_contents(session: Session, contents: Collection[str]) -> None:
    """Delete the variants of those contents without any reference.

    The originals' rows are locked first: a result that is being recorded refers to them, and is
    seen by the second look.
    """
    locked = select(Original.sha256).where(Original.sha256.in_(contents))
    session.scalars(locked.order_by(Original.sha256).with_for_update()).all()
    orphans = session.execute(
        select(Original.sha256, Original.object_key).where(
            Original.sha256.in_(contents), not_(_is_referred_to())
        )
    ).all()
    if not orphans:
        return
    sha256s = tuple(orphan.sha256 for orphan in orphans)
    variants = session.execute(
        delete(Variant)
        .where(Variant.original_sha256.in_(sha256s))
        .returning(Variant.original_sha256, Variant.fingerprint, Variant.object_key)
    ).tuples()
    objects = [(Folder(sha256, policy), key) for sha256, policy, key in variants]
    objects += [(Folder(orphan.sha256), orphan.object_key) for orphan in orphans]
    request_removal(session, objects)
    session.execute(delete(Preview).where(Preview.original_sha256.in_(sha256s)))
    session.execute(
        update(Original)
        .where(Original.sha256.in_(sha256s))
        .values(removed_until=func.clock_timestamp(), **NO_PREVIEW)
    )


def _is_referred_to() -> ColumnElement[bool]:
    uploaded = literal(upload_source("")) + Original.sha256
    return (
        exists().where(Image.original_sha256 == Original.sha256)
        | exists().where(Image.source_url == uploaded)
        | exists().where(JobImage.original_sha256 == Original.sha256)
    )
