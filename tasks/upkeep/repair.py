"""Has variants and originals that the store lost made again, by jobs in the bulk lane.

The variants are rendered from the stored original. When that is broken too, the supplier is
asked again; a file that was uploaded and is broken cannot be had again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from infra.contract.source_refs import uploaded_sha256
from infra.contract.states import JobState, Lane
from infra.db.engine import Database
from infra.db.models.catalogue import Image, Product
from infra.db.models.jobs import Job, JobImage
from infra.db.retry import again_after_conflict
from tasks.imaging.presets.catalogue import Presets
from tasks.imaging.presets.fingerprint import policy_fingerprint
from tasks.submission.submit import Submission, write_job


class Repair(StrEnum):
    """What became of a repair."""

    REQUESTED = "requested"
    PENDING = "already requested"
    PRESET_GONE = "impossible: its preset is gone, reprocess it with to_preset"
    IMPOSSIBLE = "impossible: upload the file again"
    NOT_WANTED = "not asked for"

    @property
    def is_under_way(self) -> bool:
        """Whether it needs no operator."""
        return self in (Repair.REQUESTED, Repair.PENDING)


@dataclass(frozen=True, slots=True)
class Broken:
    """The variants of an original under a policy of which some are broken, or the original."""

    sha256: str
    fingerprint: str
    original_is_broken: bool


def request_repair(database: Database, broken: Broken, presets: Presets) -> Repair:
    """Write the jobs that make the objects again, unless they are written already.

    Under a policy of today one image is enough: its objects are those of all images with these
    bytes. What an older policy made cannot be made again; then every image gets the new look.
    """
    policies = {policy_fingerprint(presets.named(name)): name for name in presets}
    shown = select(Image).where(
        Image.original_sha256 == broken.sha256, Image.fingerprint == broken.fingerprint
    )
    with database.transaction() as session:
        images = session.scalars(shown.order_by(Image.id)).all()
    if broken.original_is_broken:
        images = [image for image in images if uploaded_sha256(image.source_url) is None]
    if broken.fingerprint in policies:
        images = images[:1]
    outcomes = {_request(database, broken, image, policies=policies) for image in images}
    return next((each for each in Repair if each in outcomes), Repair.IMPOSSIBLE)


@again_after_conflict
def _request(
    database: Database, broken: Broken, image: Image, *, policies: Mapping[str, str]
) -> Repair:
    """The lock on the product has two that find the same damage take turns."""
    with database.transaction() as session:
        if session.get(Product, image.product_id, with_for_update=True) is None:
            return Repair.IMPOSSIBLE
        preset = policies.get(broken.fingerprint) or _preset_of(session, image)
        if preset is None or preset not in policies.values():
            return Repair.PRESET_GONE
        unfinished = Job.state.in_((JobState.QUEUED, JobState.RUNNING))
        pending = exists().where(
            JobImage.image_id == image.id, JobImage.job_id == Job.id, unfinished, Job.force
        )
        if session.scalar(select(pending)):
            return Repair.PENDING
        submission = Submission(
            preset=preset,
            urls=(image.source_url,),
            lane=Lane.BULK,
            metadata={"reason": "repair", "content": broken.sha256},
        )
        written = write_job(session, image.product_id, submission)
        job = session.get_one(Job, written.job_id)
        job.from_stored = not broken.original_is_broken
        job.force = True
        return Repair.REQUESTED


def _preset_of(session: Session, image: Image) -> str | None:
    """Return the preset of the last job that made what the image shows."""
    made = (
        select(Job.preset)
        .join(JobImage, JobImage.job_id == Job.id)
        .where(JobImage.image_id == image.id, JobImage.fingerprint == image.fingerprint)
        .order_by(Job.id.desc())
    )
    return session.scalars(made.limit(1)).first()
