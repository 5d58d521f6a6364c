"""A caller's key for a request, as a row that is written with what the request becomes.

The key is written first and in the same transaction, so that there is never one without the
other: a request with the same key waits for that transaction to end. Whatever is refused
leaves no key behind.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from infra.contract.errors import ErrorCode, Rejected
from infra.db.models.idempotency import IdempotencyKey


@dataclass(frozen=True, slots=True)
class RequestKey:
    """A caller's name for a request; `owner` is the caller, empty while there are no keys."""

    key: str
    kept_seconds: float
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a request becomes: a job or a batch."""

    job_id: UUID | None = None
    batch_id: UUID | None = None


def reserve(session: Session, key: RequestKey, sha256: str, *, subject: Subject) -> bool:
    """Write the key unless it is taken; an expired one is taken over.

    Waits for a transaction that has just written the same key, and sees what became of it.
    """
    written = {
        "request_sha256": sha256,
        "job_id": subject.job_id,
        "batch_id": subject.batch_id,
        "created_at": func.now(),
        "expires_at": func.now() + timedelta(seconds=key.kept_seconds),
    }
    statement = insert(IdempotencyKey).values(owner=key.owner, key=key.key, **written)
    taken = session.scalar(
        statement.on_conflict_do_update(
            index_elements=[IdempotencyKey.owner, IdempotencyKey.key],
            set_=written,
            where=IdempotencyKey.expires_at <= func.now(),
        ).returning(IdempotencyKey.key)
    )
    return taken is not None


def known_subject(session: Session, key: RequestKey, sha256: str) -> Subject:
    """Return what the key stands for; raise `Rejected` (409) when for another request."""
    known = session.get_one(IdempotencyKey, (key.owner, key.key))
    if known.request_sha256 != sha256:
        raise Rejected(
            409,
            ErrorCode.IDEMPOTENCY_CONFLICT,
            "This Idempotency-Key was used for another request. Send a new key with a new request.",
        )
    return Subject(job_id=known.job_id, batch_id=known.batch_id)
