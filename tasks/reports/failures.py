"""Use case: group the images that show a failure by error code and by source host."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, tuple_

from infra.contract.states import ImageState
from infra.db.engine import Database
from infra.db.models.catalogue import Image, source_host

_MOST = 200
_BOTH, _CODE, _HOST = 0, 1, 2  # what PostgreSQL's GROUPING says of each row


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Images with one error code, or from one host, or both.

    `code` is None in a group of a host, `host` in a group of a code, and for uploaded files.
    `detail` is the sentence of one of them, `retryable` whether a retry can help any.
    """

    code: str | None
    host: str | None
    images: int
    products: int
    retryable: bool
    detail: str
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Failures:
    """All failures, three ways; each list has its largest groups, the largest first."""

    images: int
    codes: tuple[FailureGroup, ...]
    hosts: tuple[FailureGroup, ...]
    groups: tuple[FailureGroup, ...]


def read_failures(database: Database) -> Failures:
    """Group them in one pass over the failed images; raises `ServiceUnavailable`."""
    code, host = Image.error_code, source_host()
    failed = (
        select(
            code.label("code"),
            host.label("host"),
            Image.product_id,
            Image.error_retryable,
            Image.error_detail,
            Image.updated_at,
        )
        .where(Image.state == ImageState.FAILED, code.is_not(None))
        .subquery()
    )
    by = (failed.c.code, failed.c.host)
    images = func.count().label("images")
    statement = (
        select(
            func.grouping(*by).label("kind"),
            *by,
            images,
            func.count(failed.c.product_id.distinct()).label("products"),
            func.coalesce(func.bool_or(failed.c.error_retryable), False).label("retryable"),
            func.coalesce(func.min(failed.c.error_detail), "").label("detail"),
            func.max(failed.c.updated_at).label("last_at"),
        )
        .group_by(func.grouping_sets(tuple_(*by), tuple_(by[0]), tuple_(by[1])))
        .order_by(images.desc(), *by)
    )
    with database.transaction() as session:
        rows = session.execute(statement).all()
    found = {kind: [FailureGroup(*row[1:]) for row in rows if row[0] == kind] for kind in range(3)}
    return Failures(
        images=sum(group.images for group in found[_CODE]),
        codes=tuple(found[_CODE][:_MOST]),
        hosts=tuple(group for group in found[_HOST] if group.host is not None)[:_MOST],
        groups=tuple(found[_BOTH][:_MOST]),
    )
