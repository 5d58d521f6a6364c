"""Use case: submit at most once per key, however often and however simultaneously it is sent."""

import hashlib
import json
from dataclasses import asdict, replace
from typing import cast

from sqlalchemy import CursorResult, delete, func, select

from infra.db.engine import Database
from infra.db.ids import new_id
from infra.db.models.catalogue import Image
from infra.db.models.idempotency import IdempotencyKey
from infra.db.models.jobs import Job, JobImage
from infra.db.retry import again_after_conflict
from tasks.submission.key_reservation import RequestKey, Subject, known_subject, reserve
from tasks.submission.submit import Submission, Submitted, SubmittedImage, submit_within


@again_after_conflict
def submit_once(database: Database, submission: Submission, key: RequestKey) -> Submitted:
    """Submit as `submit` does, or return the job that the same request with this key became.

    Raises `Rejected`: 409 when the key stood for another request, and as `submit` does.
    """
    sha256, job_id = request_sha256(submission), new_id()
    with database.transaction() as session:
        if reserve(session, key, sha256, subject=Subject(job_id=job_id)):
            return submit_within(session, submission, job_id=job_id)
        job = session.get_one(Job, known_subject(session, key, sha256).job_id)
        images = session.execute(
            select(JobImage.image_id, JobImage.position, Image.source_url, JobImage.state)
            .join(Image, Image.id == JobImage.image_id)
            .where(JobImage.job_id == job.id)
            .order_by(JobImage.position)
        )
        shown = tuple(SubmittedImage(*image) for image in images)  # with their states of now
        return Submitted(job.id, job.product_id, job.state, shown, replayed=True)


def forget_expired_keys(database: Database) -> int:
    """Delete the keys that count no more; return how many there were."""
    expired = delete(IdempotencyKey).where(IdempotencyKey.expires_at <= func.now())
    with database.transaction() as session:
        return cast("CursorResult[object]", session.execute(expired)).rowcount


def request_sha256(submission: Submission) -> str:
    """Return the digest of what a caller wants, however the request spelled it.

    What was not asked for is left out, so that a member that is added one day does not change the
    digest of older requests.
    """
    wanted = asdict(replace(submission, urls=(), uploads=(), bound=None)) | {
        "sources": submission.sources
    }
    asked = {name: value for name, value in wanted.items() if value not in (None, (), {})}
    canonical = json.dumps(asked, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()
