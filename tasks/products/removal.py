"""Removes contents that no image and no job refers to any more: rows first, objects later.

The rows go within the caller's transaction; the objects after it has committed, so that a crash
leaves objects without rows, which a garbage collector finds, and never rows without objects.

Another job may be storing the same bytes at that very moment. Its result must not announce what
is being removed here, so the original's row stays and says until when: `removed_until` lies
ahead while objects are being removed, and is the moment of the last removal afterwards. What an
attempt stored that was claimed before is not taken (see `tasks.removed`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

import structlog
from sqlalchemy import ColumnElement, delete, exists, func, literal, not_, select, update
from sqlalchemy.orm import Session

from infra.db.engine import Database
from infra.db.models import Image, JobImage, Original, Preview, Variant
from infra.errors import ServiceUnavailable
from infra.objectstore import ObjectStore
from infra.sources import upload_source, uploaded_sha256
from tasks.read_page import NO_PREVIEW

log = structlog.get_logger(__name__)

_REMOVING = timedelta(minutes=5)  # nothing is removed later than this, whatever happens
_PATIENCE_SECONDS = 60  # far below, as the last removal may hang


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Contents whose rows are gone, and the keys of their objects, which may be removed."""

    sha256s: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


def contents_of(session: Session, images: ColumnElement[bool]) -> frozenset[str]:
    """Return the SHA-256 of everything that these images, and jobs for them, refer to."""
    rows = session.execute(
        select(Image.source_url, Image.original_sha256, JobImage.original_sha256)
        .outerjoin(JobImage, JobImage.image_id == Image.id)
        .where(images)
    ).all()
    found = {sha for source, *shas in rows for sha in (uploaded_sha256(source), *shas)}
    return frozenset(sha for sha in found if sha is not None)


def forget_contents(session: Session, contents: Collection[str]) -> Forgotten:
    """Delete the variants of those contents that nobody refers to any more.

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
        return Forgotten()
    sha256s = tuple(orphan.sha256 for orphan in orphans)
    variants = session.scalars(
        delete(Variant).where(Variant.original_sha256.in_(sha256s)).returning(Variant.object_key)
    ).all()
    session.execute(delete(Preview).where(Preview.original_sha256.in_(sha256s)))
    session.execute(
        update(Original)
        .where(Original.sha256.in_(sha256s))
        .values(removed_until=func.clock_timestamp() + _REMOVING, **NO_PREVIEW)
    )
    return Forgotten(sha256s, (*variants, *(orphan.object_key for orphan in orphans)))


def remove_objects(database: Database, store: ObjectStore, forgotten: Forgotten) -> None:
    """Remove the objects, after the commit; what cannot be removed now is left behind."""
    if not forgotten.keys:
        return
    deadline = monotonic() + _PATIENCE_SECONDS
    try:
        for key in forgotten.keys:
            if monotonic() > deadline:
                log.warning("objects left behind", contents=len(forgotten.sha256s))
                return
            store.remove(key)
        with database.transaction() as session:
            session.execute(
                update(Original)
                .where(
                    Original.sha256.in_(forgotten.sha256s),
                    Original.removed_until > func.clock_timestamp(),
                )
                .values(removed_until=func.clock_timestamp())
            )
    except ServiceUnavailable as exc:
        log.warning("objects left behind", contents=len(forgotten.sha256s), code=exc.code)


def _is_referred_to() -> ColumnElement[bool]:
    uploaded = literal(upload_source("")) + Original.sha256
    return (
        exists().where(Image.original_sha256 == Original.sha256)
        | exists().where(Image.source_url == uploaded)
        | exists().where(JobImage.original_sha256 == Original.sha256)
    )
