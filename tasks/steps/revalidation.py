"""What sources said about the bytes that products show: kept with the image, asked for changes.

"These validators of this URL mean these bytes" stays true whichever attempt writes it last, so no
claim guards it. An image without validators is simply fetched whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from infra.contract.states import Outcome
from infra.db.engine import Database
from infra.db.models.catalogue import Image, Original
from infra.db.models.validators import SourceValidators
from infra.fetch.validators import Validators
from tasks.steps.results import ClaimedImage, ImageDone
from tasks.steps.reuse import known_variants

_SAID = ("original_sha256", "url", "etag", "last_modified")


@dataclass(frozen=True, slots=True)
class Revalidation:
    """A question to the source, and what the image becomes when the answer is "not modified"."""

    known: Validators
    unchanged: ImageDone


def revalidation(database: Database, image: ClaimedImage, fingerprint: str) -> Revalidation | None:
    """Return what to ask the source; None when the image has to be fetched whole.

    Asked is only for an image that shows bytes whose original is stored and whose variants under
    this policy are all there: "not modified" needs nothing else then.
    """
    if image.current_sha256 is None or image.current_fingerprint != fingerprint:
        return None
    statement = (
        select(SourceValidators, Original.bytes)
        .join(Original, Original.sha256 == SourceValidators.original_sha256)
        .where(
            SourceValidators.image_id == image.id,
            SourceValidators.original_sha256 == image.current_sha256,
        )
    )
    with database.transaction() as session:
        row = session.execute(statement).one_or_none()
        variants = known_variants(session, image.current_sha256, fingerprint)
    if row is None or not variants:
        return None
    said, source_bytes = row
    unchanged = ImageDone(
        image=image,
        outcome=Outcome.UNCHANGED,
        sha256=image.current_sha256,
        source_bytes=source_bytes,
        fingerprint=fingerprint,
        variants=variants,
    )
    return Revalidation(Validators(said.url, said.etag, said.last_modified), unchanged)


def keep_validators(session: Session, done: Sequence[ImageDone]) -> None:
    """Write what the sources of fetched images said, in the transaction that records them.

    The caller has the product's row locked. Images that were taken away meanwhile are left out.
    """
    rows = {
        image.image.id: {
            "image_id": image.image.id,
            "original_sha256": image.sha256,
            "url": image.validators.url,
            "etag": image.validators.etag,
            "last_modified": image.validators.last_modified,
        }
        for image in done
        if image.validators is not None
    }
    if not rows:
        return
    there = session.scalars(select(Image.id).where(Image.id.in_(rows)).order_by(Image.id)).all()
    if not there:
        return
    upsert = insert(SourceValidators).values([rows[image_id] for image_id in there])
    renewed = {name: upsert.excluded[name] for name in _SAID}
    session.execute(
        upsert.on_conflict_do_update(
            index_elements=[SourceValidators.image_id], set_={**renewed, "seen_at": func.now()}
        )
    )
