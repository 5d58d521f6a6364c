"""Use case: submit at most once per key, however often and however simultaneously it is sent.

The key is written first and in the job's own transaction, so that there is never one without the
other: whoever sends the same key meanwhile waits for that transaction to end. Whatever is refused
leaves no key behind.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import CursorResult, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from infra.db.conflict import again_after_conflict
from infra.db.engine import Database
from infra.db.idempotency import IdempotencyKey
from infra.db.ids import new_id
from infra.db.models import Image, Job, JobImage
from infra.errors import ErrorCode, Rejected
from tasks.submit import Submission, Submitted, SubmittedImage, submit_within


@dataclass(frozen=True, slots=True)
class RequestKey:
    """A caller's name for a request; `owner` is whose, empty when callers are not told apart."""

    key: str
    kept_seconds: float
    owner: str = ""


@again_after_conflict
def submit_once(database: Database, submission: Submission, key: RequestKey) -> Submitted:
    """Submit as `submit` does, or return the job that the same request with this key became.

    Raises `Rejected`: 409 when the key stood for another request, and as `submit` does.
    """
    sha256, job_id = request_sha256(submission), new_id()
    with database.transaction() as session:
        if _reserve(session, key, sha256, job_id=job_id):
            return submit_within(session, submission, job_id=job_id)
        return _replay(session, key, sha256)


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
    wanted = asdict(replace(submission, urls=(), uploads=())) | {"sources": submission.sources}
    asked = {name: value for name, value in wanted.items() if value not in (None, (), {})}
    canonical = json.dumps(asked, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _reserve(session: Session, key: RequestKey, sha256: str, *, job_id: UUID) -> bool:
    """Write the key unless it is taken; an expired one is taken over.

    Waits for a transaction that has just written the same key, and sees what became of it.
    """
    written = {
        "request_sha256": sha256,
        "job_id": job_id,
        "created_at": func.now(),
        "expires_at": func.now() + timedelta(seconds=key.kept_seconds),
    }
    statement = insert(IdempotencyKey).values(owner=key.owner, key=key.key, **written)
    taken = session.scalar(
        statement.on_conflict_do_update(
            index_elements=[IdempotencyKey.owner, IdempotencyKey.key],
            set_=written,
            where=IdempotencyKey.expires_at <= func.now(),
        ).returning(IdempotencyKey.job_id)
    )
    return taken is not None


def _replay(session: Session, key: RequestKey, sha256: str) -> Submitted:
    """Return the job that the key stands for, with its states of now."""
    known = session.get_one(IdempotencyKey, (key.owner, key.key))
    if known.request_sha256 != sha256:
        raise Rejected(
            409,
            ErrorCode.IDEMPOTENCY_CONFLICT,
            "This Idempotency-Key was used for another request. Send a new key with a new request.",
        )
    job = session.get_one(Job, known.job_id)
    images = session.execute(
        select(JobImage.image_id, JobImage.position, Image.source_url, JobImage.state)
        .join(Image, Image.id == JobImage.image_id)
        .where(JobImage.job_id == job.id)
        .order_by(JobImage.position)
    )
    shown = tuple(SubmittedImage(*image) for image in images)
    return Submitted(job.id, job.product_id, job.state, shown, replayed=True)
