"""Results whose objects were removed while they were made: they must not be announced.

A deleted product takes along what only it referred to. A job for another product that stored
the same bytes just before has a result without objects; trying again makes them anew.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from infra.db.models import Original
from infra.errors import ErrorCode
from tasks.claim import Claim
from tasks.result import ImageDone, ImageFailed, ImageResult

_DETAIL = (
    "The same picture was removed with another product while this one was made. "
    "Retry the job to have it made."
)


def without_removed(
    session: Session, claim: Claim, results: Sequence[ImageResult]
) -> list[ImageResult]:
    """Return the results, those failed whose objects may have been removed since the claim.

    Contents are locked until the transaction ends, so that they are not removed after this look.
    """
    contents = {result.sha256 for result in results if isinstance(result, ImageDone)}
    rows = session.execute(
        select(Original.sha256, Original.removed_until)
        .where(Original.sha256.in_(contents))
        .order_by(Original.sha256)
        .with_for_update(read=True, key_share=True)
    ).all()
    removed = {
        row.sha256
        for row in rows
        if row.removed_until is not None and row.removed_until >= claim.claimed_at
    }
    return [
        ImageFailed(result.image, ErrorCode.OBJECTS_REMOVED, _DETAIL, retryable=True)
        if isinstance(result, ImageDone) and result.sha256 in removed
        else result
        for result in results
    ]
