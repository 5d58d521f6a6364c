"""Finds variants that were already made, so that the same bytes are encoded once."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from infra.db.engine import Database
from infra.db.models import Variant
from infra.states import Outcome
from tasks.result import FetchedImage, ImageDone, StoredVariant


def reuse(database: Database, fetched: FetchedImage, fingerprint: str) -> ImageDone | None:
    """Return the finished image when its bytes have variants under this policy."""
    with database.transaction() as session:
        variants = known_variants(session, fetched.sha256, fingerprint)
    if not variants:
        return None
    image = fetched.image
    shown = (image.current_sha256, image.current_fingerprint)
    same = shown == (fetched.sha256, fingerprint)
    return ImageDone(
        image=image,
        outcome=Outcome.UNCHANGED if same else Outcome.DEDUPLICATED,
        sha256=fetched.sha256,
        source_bytes=fetched.bytes,
        fingerprint=fingerprint,
        variants=variants,
        validators=fetched.validators,
    )


def known_variants(session: Session, sha256: str, fingerprint: str) -> tuple[StoredVariant, ...]:
    """Return the variants of these bytes under this policy, the widest first; () when none.

    A set of variants is written in one transaction, so any row means that all are there.
    """
    statement = (
        select(Variant)
        .where(Variant.original_sha256 == sha256, Variant.fingerprint == fingerprint)
        .order_by(Variant.width.desc(), Variant.name)
    )
    return tuple(_stored(row) for row in session.scalars(statement))


def _stored(row: Variant) -> StoredVariant:
    return StoredVariant(
        name=row.name,
        object_key=row.object_key,
        format=row.format,
        width=row.width,
        height=row.height,
        bytes=row.bytes,
        sha256=row.sha256,
        quality=row.quality,
        score=row.score,
        frames=row.frames,
    )
