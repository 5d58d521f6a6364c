"""Notes which originals and variants are unused, and removes notes that became wrong.

Walks the catalogue by content in slices, each a transaction of its own: memory stays flat, and an
interrupted walk is simply walked again. Retention counts from the note, so that what was made
long ago and replaced yesterday keeps working.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from sqlalchemy import String, and_, cast, delete, func, literal, null, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from infra.contract.object_keys import ORIGINAL_PREFIX, PUBLIC_PREFIX
from infra.db.engine import Database
from infra.db.models.catalogue import Original, Variant
from infra.db.models.retirements import Retirement
from tasks.contents.references import content_is_shown, variants_are_shown

_SLICE = 1000
_REMEMBERED = timedelta(days=1)  # no attempt lasts so long

_COLUMNS = ["folder", "original_sha256", "fingerprint"]


def retire_unshown(database: Database) -> None:
    """Note everything that is unused, and remove the notes of what is used again."""
    old = Retirement.removed_until < func.now() - _REMEMBERED
    with database.transaction() as session:
        session.execute(delete(Retirement).where(old))
    for contents in _contents(database):
        with database.transaction() as session:
            _take_back(session, contents)
            _note_variants(session, contents)
            _note_originals(session, contents)


def _contents(database: Database) -> Iterator[Sequence[str]]:
    last = ""
    while True:
        following = select(Original.sha256).where(Original.sha256 > last)
        with database.transaction() as session:
            found = session.scalars(following.order_by(Original.sha256).limit(_SLICE)).all()
        if not found:
            return
        yield found
        last = found[-1]


def _take_back(session: Session, contents: Sequence[str]) -> None:
    shown = or_(
        and_(Retirement.fingerprint.is_(None), content_is_shown(Retirement.original_sha256)),
        variants_are_shown(Retirement.original_sha256, Retirement.fingerprint),
    )
    noted = Retirement.original_sha256.in_(contents) & Retirement.removed_until.is_(None)
    session.execute(delete(Retirement).where(noted, shown))


def _note_variants(session: Session, contents: Sequence[str]) -> None:
    of_policy = (Variant.original_sha256, Variant.fingerprint)
    folder = literal(PUBLIC_PREFIX) + Variant.original_sha256 + "/" + Variant.fingerprint
    unshown = (
        select(folder, *of_policy)
        .where(Variant.original_sha256.in_(contents), ~variants_are_shown(*of_policy))
        .distinct()
    )
    session.execute(insert(Retirement).from_select(_COLUMNS, unshown).on_conflict_do_nothing())


def _note_originals(session: Session, contents: Sequence[str]) -> None:
    unshown = select(
        literal(ORIGINAL_PREFIX) + Original.sha256, Original.sha256, cast(null(), String)
    ).where(
        Original.sha256.in_(contents),
        Original.removed_until.is_(None),
        ~content_is_shown(Original.sha256),
    )
    session.execute(insert(Retirement).from_select(_COLUMNS, unshown).on_conflict_do_nothing())
