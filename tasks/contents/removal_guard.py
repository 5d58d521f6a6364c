"""Results whose objects were removed while they were made: they must not be announced.

A deleted product takes along what only it referred to, and the garbage collector takes what
nothing uses. A job that stored or found the same bytes just before has a result without objects:
its image stays unfinished, and another attempt makes them again.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.orm import Session

from infra.contract.object_keys import Folder
from infra.db.models.catalogue import Original, Variant
from infra.db.models.retirements import Retirement
from tasks.contents.locks import share_contents
from tasks.steps.results import ImageDone, ImageResult


def without_removed_results(
    session: Session, claimed_at: datetime, results: Sequence[ImageResult]
) -> list[ImageResult]:
    """Return the results but those whose objects may have been removed since then.

    Contents are locked until the transaction ends, so that they are not removed after this look.
    """
    contents = {result.sha256 for result in results if isinstance(result, ImageDone)}
    share_contents(session, contents)
    gone = removed_since(session, contents, literal(claimed_at))
    gone |= _without_variants(session, [each for each in results if isinstance(each, ImageDone)])
    return [
        result
        for result in results
        if not isinstance(result, ImageDone)
        or gone.isdisjoint((Folder(result.sha256), Folder(result.sha256, result.fingerprint)))
    ]


def removed_since(
    session: Session, contents: Collection[str], moment: ColumnElement[datetime]
) -> frozenset[Folder]:
    """Return the folders of these contents whose objects may have been removed since then.

    The caller shares the contents; the rows of known originals are locked here.
    """
    originals = session.execute(
        select(Original.sha256, func.coalesce(Original.removed_until >= moment, False))
        .where(Original.sha256.in_(contents))
        .order_by(Original.sha256)
        .with_for_update(read=True, key_share=True)
    ).tuples()
    retired = session.execute(
        select(Retirement.original_sha256, Retirement.fingerprint).where(
            Retirement.original_sha256.in_(contents), Retirement.removed_until >= moment
        )
    ).tuples()
    known = {Folder(sha256) for sha256, removed in originals if removed}
    return frozenset(known | {Folder(*folder) for folder in retired})


def _without_variants(session: Session, results: Sequence[ImageDone]) -> frozenset[Folder]:
    """Return the folders in which an attempt found variants that have no rows any more.

    A removal that began before the attempt may have committed after its look.
    """
    found = {Folder(each.sha256, each.fingerprint) for each in results if each.original is None}
    if not found:
        return frozenset()
    rows = session.execute(
        select(Variant.original_sha256, Variant.fingerprint)
        .where(Variant.original_sha256.in_([folder.sha256 for folder in found]))
        .distinct()
    ).tuples()
    return frozenset(found.difference(Folder(*row) for row in rows))
