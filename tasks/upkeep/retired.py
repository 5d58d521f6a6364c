"""Forgets variants and originals that were unused for their whole retention.

A job that ended long ago keeps its outcome but shows no variants any more once they are removed.
An original stays as long as variants of it are there, and its row stays for ever: jobs name it.
"""

from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import ColumnElement, Select, and_, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from infra.contract.object_keys import Folder
from infra.db.engine import Database
from infra.db.models.catalogue import Original, Variant
from infra.db.models.retirements import Retirement
from tasks.contents.locks import own_contents
from tasks.contents.references import content_is_shown, is_in_a_recent_job, variants_are_shown
from tasks.contents.remove import forget
from tasks.upkeep.garbage import Garbage, Rules, Tally

_SLICE = 100  # contents that are locked at once

_Objects = Sequence[tuple[Folder, int]]
"""Where each object lies, and its size in bytes."""


def forget_retired(
    database: Database, rules: Rules, *, tally: Tally, remove: Callable[[], None]
) -> None:
    """Forget what is due slice by slice: variants first, then originals that have none left.

    `remove` removes the objects of each slice.
    """
    for kind in (Garbage.SUPERSEDED_VARIANTS, Garbage.UNSHOWN_ORIGINALS):
        for noted in _noted(database, kind, rules):
            objects = _forget(database, kind, noted, rules=rules)
            tally.add(kind, len(objects), sum(size for _, size in objects))
            remove()


def count_waiting(database: Database) -> int:
    """Return how many folders are noted and still there."""
    waiting = select(func.count()).where(Retirement.removed_until.is_(None))
    with database.transaction() as session:
        return session.scalars(waiting).one()


def _noted(database: Database, kind: Garbage, rules: Rules) -> Iterator[Sequence[Folder]]:
    """Yield what was noted so long ago that its retention is over, by folder."""
    last = ""
    while True:
        statement = (
            select(Retirement)
            .where(Retirement.folder > last, *_due(Retirement, kind, rules))
            .order_by(Retirement.folder)
            .limit(_SLICE)
        )
        with database.transaction() as session:
            found = session.scalars(statement).all()
        if not found:
            return
        yield [Folder(each.original_sha256, each.fingerprint) for each in found]
        last = found[-1].folder


def _forget(
    database: Database, kind: Garbage, noted: Sequence[Folder], *, rules: Rules
) -> _Objects:
    """Forget what may really go; return its objects."""
    objects = _variants if kind is Garbage.SUPERSEDED_VARIANTS else _originals
    with database.transaction() as session:
        if rules.dry_run:
            return objects(session, noted, rules)
        own_contents(session, [folder.sha256 for folder in noted])
        found = objects(session, noted, rules)
        forget(session, {folder for folder, _ in found})
        return found


def _variants(session: Session, noted: Sequence[Folder], rules: Rules) -> _Objects:
    sha256, fingerprint = Retirement.original_sha256, Retirement.fingerprint
    of_policy = and_(Variant.original_sha256 == sha256, Variant.fingerprint == fingerprint)
    statement = select(sha256, fingerprint, Variant.bytes).join(Variant, of_policy)
    return _still(session, statement.where(*_variants_may_go(Retirement, rules)), noted)


def _originals(session: Session, noted: Sequence[Folder], rules: Rules) -> _Objects:
    sha256 = Retirement.original_sha256
    statement = select(sha256, Retirement.fingerprint, Original.bytes).join(
        Original, Original.sha256 == sha256
    )
    return _still(
        session,
        statement.where(
            ~content_is_shown(sha256),
            ~_keeps_variants(sha256, rules),
            Original.removed_until.is_(None),
            Original.created_at <= func.now() - rules.grace,
            *_due(Retirement, Garbage.UNSHOWN_ORIGINALS, rules),
        ),
        noted,
    )


def _keeps_variants(sha256: InstrumentedAttribute[str], rules: Rules) -> ColumnElement[bool]:
    """Whether variants of these bytes are left; a dry run has left those that would be gone."""
    kept = exists().where(Variant.original_sha256 == sha256)
    if rules.dry_run:
        note = aliased(Retirement)
        would_go = exists().where(
            note.original_sha256 == Variant.original_sha256,
            note.fingerprint == Variant.fingerprint,
            *_variants_may_go(note, rules),
        )
        kept = kept.where(~would_go.correlate_except(note))
    return kept.correlate_except(Variant)


def _variants_may_go(note: type[Retirement], rules: Rules) -> tuple[ColumnElement[bool], ...]:
    theirs = aliased(Variant)
    young = exists().where(
        theirs.original_sha256 == note.original_sha256,
        theirs.fingerprint == note.fingerprint,
        theirs.created_at > func.now() - rules.grace,
    )
    return (
        ~variants_are_shown(note.original_sha256, note.fingerprint),
        ~young.correlate_except(theirs),
        *_due(note, Garbage.SUPERSEDED_VARIANTS, rules),
    )


def _still(
    session: Session, due: Select[tuple[str, str | None, int]], noted: Sequence[Folder]
) -> _Objects:
    wanted = Retirement.folder.in_([folder.path for folder in noted])
    rows = session.execute(due.where(wanted)).tuples()
    return [(Folder(sha256, fingerprint), size) for sha256, fingerprint, size in rows]


def _due(note: type[Retirement], kind: Garbage, rules: Rules) -> tuple[ColumnElement[bool], ...]:
    sha256, fingerprint = note.original_sha256, note.fingerprint
    of_variants = kind is Garbage.SUPERSEDED_VARIANTS
    retention = rules.superseded_retention if of_variants else rules.original_retention
    return (
        fingerprint.is_not(None) if of_variants else fingerprint.is_(None),
        note.removed_until.is_(None),
        note.since <= func.now() - retention,
        ~is_in_a_recent_job(sha256, fingerprint, within=retention),
    )
