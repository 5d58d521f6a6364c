"""Use case: start reprocessing of a selection, as one batch that is planned afterwards.

An empty selection makes no batch: a second request shows that nothing was left.
"""

import hashlib
import json
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from infra.contract.states import BatchKind, BatchState
from infra.db.engine import Database
from infra.db.ids import new_id
from infra.db.locks import AdvisoryLock
from infra.db.models.batches import Batch
from infra.db.models.idempotency import IdempotencyKey
from infra.db.retry import again_after_conflict
from tasks.imaging.presets.catalogue import Presets
from tasks.reprocess.check import require_known
from tasks.reprocess.estimate import Estimate, estimate_within
from tasks.reprocess.selector import Selector
from tasks.submission.key_reservation import RequestKey, Subject, known_subject, reserve


@dataclass(frozen=True, slots=True)
class Started:
    """The committed batch and its figures; no batch when nothing is to be done.

    `replayed` when an earlier request with the same key started it: the estimate is today's.
    """

    batch_id: UUID | None
    estimate: Estimate
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asks: a request with a key, or a flow run that watches over the batch itself.

    The batch of a flow run has the run's id: whatever shows the batch later, a retry of the run
    finds it.
    """

    key: RequestKey | None = None
    flow_run_id: UUID | None = None


@again_after_conflict
def start(
    database: Database, selector: Selector, presets: Presets, *, origin: Origin = Origin()
) -> Started:
    """Write the batch. Raises `Rejected` (422, 409 for a key of another request).

    While a batch retries failures, the same retry is that batch: nothing is retried twice.
    """
    with database.transaction() as session:
        if origin.flow_run_id is not None:  # it may have started the batch before an interruption
            begun = select(Batch.id).where(Batch.id == origin.flow_run_id)
            known = session.scalar(begun)
            if known is not None:
                return Started(known, estimate_within(session, selector, presets), replayed=True)
        require_known(session, selector, presets)
        if selector.failed:
            running = _running(session, selector)
            if running is not None:
                return Started(running, estimate_within(session, selector, presets), replayed=True)
        batch_id = origin.flow_run_id or new_id()
        if origin.key is not None:
            earlier = _earlier(session, selector, origin.key, batch_id=batch_id)
            if earlier is not None:
                return Started(earlier, estimate_within(session, selector, presets), replayed=True)
        found = estimate_within(session, selector, presets)
        if not found.images:
            if origin.key is not None:  # no key stays behind: it may mean something tomorrow
                owned = (origin.key.owner, origin.key.key)
                session.delete(session.get(IdempotencyKey, owned))
            return Started(None, found)
        session.add(
            Batch(
                id=batch_id,
                kind=BatchKind.REPROCESS,
                state=BatchState.RUNNING,
                preset=selector.to_preset or selector.preset or "",
                name=selector.name,
                options=selector.options(),
                flow_run_id=origin.flow_run_id,
            )
        )
        return Started(batch_id, found)


def _running(session: Session, selector: Selector) -> UUID | None:
    """Return the batch that retries the same failures already; two that ask at once take turns."""
    session.execute(text(f"SELECT pg_advisory_xact_lock({int(AdvisoryLock.RETRY)})"))
    same = select(Batch.id).where(
        Batch.kind == BatchKind.REPROCESS,
        Batch.state == BatchState.RUNNING,
        Batch.cancel_requested_at.is_(None),
        Batch.options == selector.options(),
    )
    return session.scalars(same.limit(1)).first()


def _earlier(
    session: Session, selector: Selector, key: RequestKey, *, batch_id: UUID
) -> UUID | None:
    text = json.dumps({"reprocess": selector.options()}, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    if reserve(session, key, digest, subject=Subject(batch_id=batch_id)):
        return None
    return known_subject(session, key, digest).batch_id
