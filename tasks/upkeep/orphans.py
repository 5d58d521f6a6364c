"""Has objects removed that have no row: what a killed process stored.

An attempt stores objects before it writes their rows. So nothing young is touched, and what is old
is looked up twice here, and once more right before it is removed (`tasks.contents.remove`).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from infra.contract.object_keys import (
    ORIGINAL_PREFIX,
    PROBE_PREFIX,
    PUBLIC_PREFIX,
    Folder,
    folder_of,
)
from infra.db.engine import Database
from infra.db.models.retirements import Removal
from infra.objectstore import ObjectStore, StoredObject
from tasks.contents.remove import referred_keys, request_removal
from tasks.upkeep.garbage import Garbage, Rules, Tally

_KINDS = {
    ORIGINAL_PREFIX: Garbage.STRAY_ORIGINALS,
    PUBLIC_PREFIX: Garbage.STRAY_VARIANTS,
}

_Found = Mapping[Folder, Sequence[StoredObject]]


def remove_probes(store: ObjectStore, rules: Rules) -> None:
    """Remove what processes wrote that were killed while they probed the store."""
    if rules.dry_run:
        return
    latest = datetime.now(UTC) - rules.grace
    for page in store.pages(PROBE_PREFIX):
        store.remove_many([each.key for each in page if each.modified_at < latest])


def remove_orphans(
    database: Database,
    store: ObjectStore,
    rules: Rules,
    *,
    tally: Tally,
    remove: Callable[[], None],
) -> None:
    """List the store and request the removal of what has no row and is not young.

    `remove` removes what was requested of each page.
    """
    for prefix, kind in _KINDS.items():
        for page in store.pages(prefix + rules.digests):
            tally.looked_at += len(page)
            tally.unknown += sum(folder_of(each.key) is None for each in page)
            gone = _request(database, store, _by_folder(page, rules), rules=rules)
            tally.add(kind, len(gone), sum(each.bytes for each in gone))
            remove()


def _by_folder(page: Iterable[StoredObject], rules: Rules) -> _Found:
    oldest_kept = datetime.now(UTC) - rules.grace
    found: dict[Folder, list[StoredObject]] = defaultdict(list)
    for each in page:
        folder = folder_of(each.key)
        if folder is not None and each.modified_at < oldest_kept:
            found[folder].append(each)
    return found


def _request(
    database: Database, store: ObjectStore, old: _Found, *, rules: Rules
) -> Sequence[StoredObject]:
    with database.transaction() as session:
        orphans = _without_rows(session, old)
    if orphans and not rules.dry_run:
        orphans = _still_old(store, orphans, rules)
        with database.transaction() as session:
            orphans = _without_rows(session, orphans)
            request_removal(session, [(f, each.key) for f in orphans for each in orphans[f]])
    return [each for objects in orphans.values() for each in objects]


def _still_old(store: ObjectStore, orphans: _Found, rules: Rules) -> _Found:
    """Look again: one may have been stored again since the page was listed."""
    looks = (store.stat(each.key) for objects in orphans.values() for each in objects)
    return _by_folder((look for look in looks if look is not None), rules)


def _without_rows(session: Session, found: _Found) -> _Found:
    keys = [each.key for objects in found.values() for each in objects]
    requested = session.scalars(select(Removal.object_key).where(Removal.object_key.in_(keys)))
    known = referred_keys(session, {folder.sha256 for folder in found}).union(requested)
    orphans = {
        folder: [each for each in objects if each.key not in known]
        for folder, objects in found.items()
    }
    return {folder: objects for folder, objects in orphans.items() if objects}
