"""Reads the variants of many images at once, in the order in which they are shown."""

from collections import defaultdict
from collections.abc import Collection, Mapping

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from infra.db.models.catalogue import Variant
from tasks.views import VariantView

VariantSet = tuple[str | None, str | None]
"""SHA-256 of the original and policy fingerprint."""


def read_variants(
    session: Session, sets: Collection[VariantSet]
) -> Mapping[VariantSet, tuple[VariantView, ...]]:
    """Return the variants of each set: widest first, then by format."""
    wanted = {key for key in sets if None not in key}
    found: dict[VariantSet, list[VariantView]] = defaultdict(list)
    if wanted:
        statement = (
            select(Variant)
            .where(tuple_(Variant.original_sha256, Variant.fingerprint).in_(wanted))
            .order_by(Variant.width.desc(), Variant.format)
        )
        for row in session.scalars(statement):
            view = VariantView(
                name=row.name,
                object_key=row.object_key,
                format=row.format,
                width=row.width,
                height=row.height,
                bytes=row.bytes,
                quality=row.quality,
                score=row.score,
                frames=row.frames,
            )
            found[row.original_sha256, row.fingerprint].append(view)
    return {key: tuple(found[key]) for key in sets}
