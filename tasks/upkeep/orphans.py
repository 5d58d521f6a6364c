"""Removes objects that have no row: what a killed process stored or left behind.

An attempt stores objects before it writes their rows. So nothing young is touched, what is old is
looked up, and looked up again alone with its content right before it is removed.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from infra.contract.object_keys import (
    ORIGINAL_PREFIX,
    PROBE_PREFIX,
    PUBLIC_PREFIX,
    Folder,
    folder_of,
)
from infra.db.engine import Database
from infra.objectstore import ObjectStore, StoredObject
from tasks.contents.locks import own_contents
from tasks.contents.remove import begin_removal, referred_keys, remove_objects, request_removal
from tasks.upkeep.garbage import Garbage, Rules, Tally

_SLICE = 100  # contents that are locked at once

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
    tell: Callable[[], None],
) -> None:
    """List the whole store page by page and remove what has no row and is not young."""
    for prefix, kind in _KINDS.items():
        for page in store.pages(prefix):
            tally.looked_at += len(page)
            tally.unknown += sum(folder_of(each.key) is None for each in page)
            for old in _slices(_by_folder(page, rules)):
                gone = _remove(database, store, old, rules=rules)
                tally.add(kind, len(gone), sum(each.bytes for each in gone))
            tell()


def _by_folder(page: Iterable[StoredObject], rules: Rules) -> _Found:
    oldest_kept = datetime.now(UTC) - rules.grace
    found: dict[Folder, list[StoredObject]] = defaultdict(list)
    for each in page:
        folder = folder_of(each.key)
        if folder is not None and each.modified_at < oldest_kept:
            found[folder].append(each)
    return found


def _slices(found: _Found) -> Iterator[_Found]:
    folders = list(found)
    for start in range(0, len(folders), _SLICE):
        yield {folder: found[folder] for folder in folders[start : start + _SLICE]}


def _remove(
    database: Database, store: ObjectStore, old: _Found, *, rules: Rules
) -> Sequence[StoredObject]:
    with database.transaction() as session:
        orphans = _without_rows(session, old)
    if rules.dry_run or not orphans:
        return [each for objects in orphans.values() for each in objects]
    orphans = _still_old(store, orphans, rules)
    with database.transaction() as session:
        own_contents(session, [folder.sha256 for folder in orphans])
        orphans = _without_rows(session, orphans)
        ours = begin_removal(session, orphans.keys())
        request_removal(session, [(f, each.key) for f in ours for each in orphans[f]])
    gone = [each for folder in ours for each in orphans[folder]]
    remove_objects(database, store, ours, keys=[each.key for each in gone])
    return gone


def _still_old(store: ObjectStore, orphans: _Found, rules: Rules) -> _Found:
    """Look again: one may have been stored again since the page was listed."""
    looks = (store.stat(each.key) for objects in orphans.values() for each in objects)
    return _by_folder((look for look in looks if look is not None), rules)


def _without_rows(session: Session, found: _Found) -> _Found:
    known = referred_keys(session, {folder.sha256 for folder in found})
    orphans = {
        folder: [each for each in objects if each.key not in known]
        for folder, objects in found.items()
    }
    return {folder: objects for folder, objects in orphans.items() if objects}
