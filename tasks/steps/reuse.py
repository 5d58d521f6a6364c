"""Finds variants that were already made, so that the same bytes are encoded once."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from infra.contract.states import Outcome
from infra.db.engine import Database
from infra.db.models.catalogue import Original, Variant
from tasks.steps.results import ClaimedImage, FetchedImage, ImageDone, StoredVariant


def reuse(database: Database, fetched: FetchedImage, fingerprint: str) -> ImageDone | None:
    """Return the finished image when its bytes have variants under this policy."""
    with database.transaction() as session:
        variants = known_variants(session, fetched.sha256, fingerprint)
    if not variants:
        return None
    return ImageDone(
        image=fetched.image,
        outcome=_outcome(fetched.image, fetched.sha256, fingerprint),
        sha256=fetched.sha256,
        source_bytes=fetched.bytes,
        fingerprint=fingerprint,
        variants=variants,
        validators=fetched.validators,
    )


def reuse_stored(database: Database, image: ClaimedImage, fingerprint: str) -> ImageDone | None:
    """Return the finished image when what it shows has variants under this policy.

    Nothing is read from the object store.
    """
    if image.current_sha256 is None:
        return None
    with database.transaction() as session:
        original = session.get(Original, image.current_sha256)
        variants = known_variants(session, image.current_sha256, fingerprint)
    if original is None or not variants:
        return None
    return ImageDone(
        image=image,
        outcome=_outcome(image, original.sha256, fingerprint),
        sha256=original.sha256,
        source_bytes=original.bytes,
        fingerprint=fingerprint,
        variants=variants,
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
    return tuple(
        StoredVariant(
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
        for row in session.scalars(statement)
    )


def _outcome(image: ClaimedImage, sha256: str, fingerprint: str) -> Outcome:
    shown = (image.current_sha256, image.current_fingerprint)
    return Outcome.UNCHANGED if shown == (sha256, fingerprint) else Outcome.DEDUPLICATED
