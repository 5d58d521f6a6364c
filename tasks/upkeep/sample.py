"""Which variants are looked at: a sample that is spread over the catalogue, or all of them.

Only what an image shows. SHA-256 spreads contents evenly, so equally spaced points among all
digests hit contents of all suppliers and ages; the points move with the day.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import String, cast, func, select, text
from sqlalchemy.orm import Session

from infra.db.engine import Database
from infra.db.models.catalogue import Image, Original, Product, Variant
from tasks.contents.references import variants_are_shown

_SLICE = 500
_DIGESTS = 1 << 256
_GOLDEN = 0x9E3779B97F4A7C15F39CC0605CEDC834_1082276BF3A27251F86C6A11D0C18E95  # of _DIGESTS

_NEXT = text(
    """
    SELECT DISTINCT found.id
    FROM unnest(CAST(:points AS text[])) AS point
    CROSS JOIN LATERAL (
        SELECT variants.id FROM variants
        WHERE variants.original_sha256 >= point AND EXISTS (
            SELECT FROM images
            WHERE images.original_sha256 = variants.original_sha256
              AND images.fingerprint = variants.fingerprint
        )
        ORDER BY variants.original_sha256, md5(variants.id::text || :day)
        LIMIT 1
    ) AS found
    """
)


@dataclass(frozen=True, slots=True)
class Promise:
    """A variant that an image shows, and the original that it can be made from again."""

    variant_id: UUID
    sha256: str
    fingerprint: str
    key: str
    bytes: int
    variant_sha256: str
    format: str
    original_key: str
    original_bytes: int


def all_promises(database: Database) -> Iterator[Sequence[Promise]]:
    """Yield all variants that images show, slice by slice in the order of their contents."""
    last = ("", UUID(int=0))
    while True:
        with database.transaction() as session:
            found = _promises(session, after=last)
        if not found:
            return
        yield found
        last = (found[-1].sha256, found[-1].variant_id)


def sample(database: Database, count: int, day: date) -> Iterator[Sequence[Promise]]:
    """Yield at most this many of them, the same ones for the same day and catalogue.

    In a catalogue that is not larger all are taken.
    """
    with database.transaction() as session:
        if session.scalar(select(Variant.id).offset(count).limit(1)) is not None:
            start = day.toordinal() * _GOLDEN % _DIGESTS
            points = [
                f"{(start + index * _DIGESTS // count) % _DIGESTS:064x}" for index in range(count)
            ]
            chosen = session.scalars(_NEXT, {"points": points, "day": day.isoformat()}).all()
            found = _promises(session, only=chosen)
            yield from (found[at : at + _SLICE] for at in range(0, len(found), _SLICE))
            return
    yield from all_promises(database)


def still_shown(database: Database, promise: Promise) -> bool:
    """Return whether the variant is promised as it was when it was read."""
    with database.transaction() as session:
        return promise in _promises(session, only=[promise.variant_id])


def shown_by(database: Database, promise: Promise) -> str:
    """Return the sku, or else the id, of a product that shows the variant; empty when none does."""
    shown = (
        select(func.coalesce(Product.sku, cast(Product.id, String)))
        .join(Image, Image.product_id == Product.id)
        .where(Image.original_sha256 == promise.sha256, Image.fingerprint == promise.fingerprint)
        .order_by(Product.id)
        .limit(1)
    )
    with database.transaction() as session:
        return session.scalar(shown) or ""


def _promises(
    session: Session,
    *,
    after: tuple[str, UUID] | None = None,
    only: Sequence[UUID] | None = None,
) -> Sequence[Promise]:
    statement = (
        select(Variant, Original.object_key, Original.bytes)
        .join(Original, Original.sha256 == Variant.original_sha256)
        .where(variants_are_shown(Variant.original_sha256, Variant.fingerprint))
        .order_by(Variant.original_sha256, Variant.id)
    )
    if only is not None:
        statement = statement.where(Variant.id.in_(only))
    elif after is not None:
        sha256, variant_id = after
        beyond = (Variant.original_sha256 > sha256) | (
            (Variant.original_sha256 == sha256) & (Variant.id > variant_id)
        )
        statement = statement.where(Variant.original_sha256 >= sha256, beyond).limit(_SLICE)
    return [
        Promise(
            variant_id=variant.id,
            sha256=variant.original_sha256,
            fingerprint=variant.fingerprint,
            key=variant.object_key,
            bytes=variant.bytes,
            variant_sha256=variant.sha256,
            format=variant.format,
            original_key=key,
            original_bytes=size,
        )
        for variant, key, size in session.execute(statement).tuples()
    ]
