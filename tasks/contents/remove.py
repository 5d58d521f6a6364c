"""Removes objects so that no job announces what is being removed.

Rows first, objects later. In one transaction, alone with the contents (`tasks.contents.locks`),
the caller looks once more whether anything refers to them, deletes their rows, and
`begin_removal` writes until when they may vanish, `request_removal` which ones; only after it has
committed are objects removed. A process that is killed

- before the commit, has changed nothing;
- between commit and removal, leaves requests: `remove_requested`, in any worker, goes on;
- after the removal, leaves `removed_until` a little ahead: attempts that began before that moment
  do not announce these objects, but are done again.

A deleted product only requests: no caller waits for the store.

The other order would leave rows, and so addresses, without objects. An attempt that stored or
found the same objects meanwhile sees at its end, under the same lock, that it came too early
(`tasks.contents.removal_guard`): nothing that is referred to is ever lost.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from time import monotonic

import structlog
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from infra.contract.errors import ErrorCode, ServiceUnavailable
from infra.contract.object_keys import Folder
from infra.db.engine import Database
from infra.db.models.catalogue import Original, Variant
from infra.db.models.retirements import Removal, Retirement
from infra.objectstore import MOST_AT_ONCE, ObjectStore
from tasks.contents.locks import own_contents
from tasks.contents.references import content_is_shown

log = structlog.get_logger(__name__)

REMOVING = timedelta(seconds=120)  # nothing is removed later than this, whatever happens
_PATIENCE_SECONDS = 60  # far below, as the last request may hang until its time-out


def begin_removal(session: Session, folders: Collection[Folder]) -> frozenset[Folder]:
    """Write that objects of these folders vanish from now on; return those that are ours.

    A folder that another process is removing is left to it.
    """
    if not folders:
        return frozenset()
    until = func.clock_timestamp() + REMOVING
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


def remove_objects(
    database: Database, store: ObjectStore, folders: Collection[Folder], *, keys: Sequence[str]
) -> None:
    """Remove the objects, after the commit; then say that it is done.

    Raises `ServiceUnavailable` when the store is away or too slow: what is left was requested, and
    is removed later.
    """
    deadline = monotonic() + _PATIENCE_SECONDS
    for some in _slices(keys):
        if monotonic() > deadline:
            raise ServiceUnavailable(
                ErrorCode.STORE_UNAVAILABLE, "The object store removes objects too slowly."
            )
        store.remove_many(some)
    with database.transaction() as session:
        _end_removal(session, folders)
        session.execute(delete(Removal).where(Removal.object_key.in_(keys)))


def request_removal(session: Session, objects: Collection[tuple[Folder, str]]) -> None:
    """Write which objects, each in its folder, are to be removed after the commit."""
    rows = [
        {"object_key": key, "original_sha256": folder.sha256, "fingerprint": folder.fingerprint}
        for folder, key in sorted(objects, key=lambda each: each[1])
    ]
    if rows:
        session.execute(insert(Removal).on_conflict_do_nothing(), rows)


def remove_requested(database: Database, store: ObjectStore) -> int:
    """Remove some of the requested objects that nothing refers to; return how many.

    0 when there are none, or others are removing them. Raises `ServiceUnavailable`.
    """
    with database.transaction() as session:
        requested = select(Removal).order_by(Removal.created_at).limit(MOST_AT_ONCE)
        found = session.scalars(requested.with_for_update(skip_locked=True)).all()
        contents = {each.original_sha256 for each in found}
        own_contents(session, contents)
        kept = referred_keys(session, contents) & {each.object_key for each in found}
        session.execute(delete(Removal).where(Removal.object_key.in_(kept)))
        garbage = [
            (Folder(each.original_sha256, each.fingerprint), each.object_key)
            for each in found
            if each.object_key not in kept
        ]
        ours = begin_removal(session, {folder for folder, _ in garbage})
    keys = [key for folder, key in garbage if folder in ours]
    if keys:
        remove_objects(database, store, ours, keys=keys)
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


def _end_removal(session: Session, folders: Collection[Folder]) -> None:
    now = func.clock_timestamp()
    session.execute(
        update(Retirement)
        .where(Retirement.folder.in_([folder.path for folder in folders]))
        .values(removed_until=now)
    )
    whole = [folder.sha256 for folder in folders if folder.fingerprint is None]
    session.execute(
        update(Original)
        .where(Original.sha256.in_(whole), Original.removed_until > now)
        .values(removed_until=now)
    )


def _slices(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), MOST_AT_ONCE):
        yield keys[start : start + MOST_AT_ONCE]
