"""Removes objects so that no job announces what is being removed: the one way, for all.

Rows first, objects later. In one transaction the caller, alone with the contents
(`tasks.contents.locks`), finds that nothing refers to them, and `forget` deletes their rows and
requests the removal of their objects; `request_removal` does so for objects without rows. After
the commit `remove_requested` removes them, in any worker or collection of garbage: alone with the
contents it looks again whether rows refer to the objects, writes until when they may vanish, and
only after that has committed asks the store. A process that is killed

- before the first commit, has changed nothing;
- between the commits, leaves requests, with which the next process goes on;
- after the second one, leaves requests that are left alone until `removed_until`: attempts that
  began before that moment do not announce these objects, but are done again.

The other order would leave rows, and so addresses, without objects. An attempt that stored or
found the same objects meanwhile sees at its end, under the same lock, that it came too early
(`tasks.contents.removal_guard`): nothing that is referred to is ever lost.
"""

from collections.abc import Collection
from datetime import timedelta
from time import monotonic

import structlog
from sqlalchemy import ColumnElement, delete, exists, func, not_, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from infra.contract.errors import ErrorCode, ServiceUnavailable
from infra.contract.object_keys import Folder
from infra.db.engine import Database
from infra.db.locks import AdvisoryLock
from infra.db.models.catalogue import Original, Preview, Variant
from infra.db.models.jobs import JobImage
from infra.db.models.retirements import Removal, Retirement
from infra.objectstore import MOST_AT_ONCE, ObjectStore
from tasks.contents.locks import own_contents
from tasks.contents.page_facts import NO_PREVIEW
from tasks.contents.references import content_is_shown

log = structlog.get_logger(__name__)

_REMOVING = timedelta(seconds=120)  # nothing is removed later than this, whatever happens
_PATIENCE_SECONDS = 60  # far below, as the request may hang until its time-out


def forget_unreferenced(session: Session, contents: Collection[str]) -> None:
    """Forget those of the contents to which no image and no job refers any more."""
    own_contents(session, contents)
    named = exists().where(JobImage.original_sha256 == Original.sha256)
    unreferenced = select(Original.sha256).where(
        Original.sha256.in_(contents), not_(content_is_shown(Original.sha256) | named)
    )
    forget(session, [Folder(sha256) for sha256 in session.scalars(unreferenced)])


def forget(session: Session, folders: Collection[Folder]) -> None:
    """Delete the rows of these folders and request the removal of their objects.

    A folder without a fingerprint takes along all that was made of its original, whose row stays:
    jobs name it. The caller owns the contents and has found that nothing refers to the folders.
    """
    if not folders:
        return
    whole = [f.sha256 for f in folders if f.fingerprint is None]
    policies = [(f.sha256, f.fingerprint) for f in folders if f.fingerprint is not None]
    variants, previews = (
        delete(table).where(
            table.original_sha256.in_(whole)
            | tuple_(table.original_sha256, table.fingerprint).in_(policies)
        )
        for table in (Variant, Preview)
    )
    gone = session.execute(
        variants.returning(Variant.original_sha256, Variant.fingerprint, Variant.object_key)
    ).tuples()
    objects = [(Folder(sha256, policy), key) for sha256, policy, key in gone]
    session.execute(previews)
    originals = session.execute(
        update(Original)
        .where(Original.sha256.in_(whole))
        .values(removed_until=func.clock_timestamp(), **NO_PREVIEW)
        .returning(Original.sha256, Original.object_key)
    ).tuples()
    request_removal(session, objects + [(Folder(sha256), key) for sha256, key in originals])


def request_removal(session: Session, objects: Collection[tuple[Folder, str]]) -> None:
    """Write which objects, each in its folder, are to be removed after the commit."""
    rows = [
        {"object_key": key, "original_sha256": folder.sha256, "fingerprint": folder.fingerprint}
        for folder, key in sorted(objects, key=lambda each: each[1])
    ]
    if rows:
        session.execute(insert(Removal).on_conflict_do_nothing(), rows)


def remove_requested(database: Database, store: ObjectStore) -> int:
    """Remove the oldest requested objects that nothing refers to; return how many.

    0 when there are none, others are removing them, or a backup is being made. Raises
    `ServiceUnavailable` when PostgreSQL or the store is away or too slow: what is left is removed
    later.
    """
    deadline = monotonic() + _PATIENCE_SECONDS  # from before the transaction: it may freeze, too
    with database.transaction() as session:
        if not session.scalar(select(func.pg_try_advisory_xact_lock_shared(AdvisoryLock.REMOVAL))):
            return 0  # a backup copies what its rows name
        found = session.scalars(
            select(Removal)
            .where(~_is_being_removed())
            .order_by(Removal.created_at)
            .limit(MOST_AT_ONCE)
            .with_for_update(skip_locked=True)
        ).all()
        contents = {each.original_sha256 for each in found}
        own_contents(session, contents)
        kept = referred_keys(session, contents) & {each.object_key for each in found}
        session.execute(delete(Removal).where(Removal.object_key.in_(kept)))
        garbage = [
            (Folder(each.original_sha256, each.fingerprint), each.object_key)
            for each in found
            if each.object_key not in kept
        ]
        ours = _begin(session, {folder for folder, _ in garbage})
    keys = [key for folder, key in garbage if folder in ours]
    if keys:
        if monotonic() > deadline:
            raise ServiceUnavailable(
                ErrorCode.STORE_UNAVAILABLE, "It took too long to begin removing objects."
            )
        store.remove_many(keys)
        with database.transaction() as session:
            _end(session, ours, keys=keys)
        log.info("objects removed", objects=len(keys))
    return len(keys)


def referred_keys(session: Session, contents: Collection[str]) -> frozenset[str]:
    """Return the keys of those objects of these contents that rows refer to.

    An original whose object was removed has a row; it counts without being shown only if the
    object was made again.
    """
    variants = select(Variant.object_key).where(Variant.original_sha256.in_(contents))
    kept = or_(Original.removed_until.is_(None), content_is_shown(Original.sha256))
    originals = select(Original.object_key).where(Original.sha256.in_(contents), kept)
    return frozenset((*session.scalars(variants), *session.scalars(originals)))


def _is_being_removed() -> ColumnElement[bool]:
    return exists().where(
        Retirement.original_sha256 == Removal.original_sha256,
        Retirement.fingerprint.is_not_distinct_from(Removal.fingerprint),
        Retirement.removed_until >= func.clock_timestamp(),
    )


def _begin(session: Session, folders: Collection[Folder]) -> frozenset[Folder]:
    """Write that objects of these folders vanish from now on; return those that are ours.

    A folder that another process is removing is left to it.
    """
    if not folders:
        return frozenset()
    until = func.clock_timestamp() + _REMOVING
    rows = [
        {"folder": f.path, "original_sha256": f.sha256, "fingerprint": f.fingerprint}
        for f in sorted(folders, key=lambda folder: folder.path)
    ]
    upsert = insert(Retirement).values([{**row, "removed_until": until} for row in rows])
    free = or_(
        Retirement.removed_until.is_(None), Retirement.removed_until < func.clock_timestamp()
    )
    ours = session.execute(
        upsert.on_conflict_do_update(
            index_elements=[Retirement.folder],
            set_={"removed_until": upsert.excluded.removed_until},
            where=free,
        ).returning(Retirement.original_sha256, Retirement.fingerprint)
    ).tuples()
    return frozenset(Folder(*folder) for folder in ours)


def _end(session: Session, folders: Collection[Folder], *, keys: Collection[str]) -> None:
    """Requests first, as where a removal begins: so no two wait for each other in a circle."""
    session.execute(delete(Removal).where(Removal.object_key.in_(keys)))
    session.execute(
        update(Retirement)
        .where(Retirement.folder.in_([folder.path for folder in folders]))
        .values(removed_until=func.clock_timestamp())
    )
