"""Step: owe a message to every receiver, in the transaction that makes it true.

Nothing is sent here: a process that dies after the commit loses no message, and one that dies
before it has told nobody.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from infra.contract.events import DeliveryState, Event
from infra.contract.states import ImageState
from infra.db.models.jobs import Job, JobImage
from infra.db.models.webhooks import WebhookDelivery, WebhookEndpoint


@dataclass(frozen=True, slots=True)
class _Receiver:
    url: str
    endpoint_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class FinishedBatch:
    """A batch in its final state; `counts` are its jobs by state."""

    batch_id: UUID
    state: str
    counts: Mapping[str, int]
    callback_url: str | None = None


def announce_jobs(session: Session, jobs: Sequence[Job]) -> None:
    """Owe `job.finished` to each job's callback URL and to every endpoint that wants it.

    The jobs' states and their images are written before, the caller commits.
    """
    registered = _registered(session, Event.JOB_FINISHED)
    wanted = [job for job in jobs if registered or job.callback_url is not None]
    if not wanted:
        return
    counts = _image_counts(session, [job.id for job in wanted])
    for job in wanted:
        data = {
            "job_id": str(job.id),
            "state": job.state.value,
            "product_id": str(job.product_id),
            "counts": counts[job.id],
            "url": f"/jobs/{job.id}",
        }
        receivers = _with_callback(registered, job.callback_url)
        _owe(session, receivers, event=Event.JOB_FINISHED, subject_id=job.id, data=data)


def announce_batch(session: Session, batch: FinishedBatch) -> None:
    """Owe `batch.finished` likewise; call it in the transaction that makes the batch final."""
    registered = _registered(session, Event.BATCH_FINISHED)
    receivers = _with_callback(registered, batch.callback_url)
    data = {
        "batch_id": str(batch.batch_id),
        "state": batch.state,
        "counts": dict(batch.counts),
        "url": f"/batches/{batch.batch_id}",
    }
    _owe(session, receivers, event=Event.BATCH_FINISHED, subject_id=batch.batch_id, data=data)


def _registered(session: Session, event: Event) -> list[_Receiver]:
    """The lock makes an endpoint that is being deleted vanish or stay, not fail the caller."""
    wanting = (
        select(WebhookEndpoint.url, WebhookEndpoint.id)
        .where(
            WebhookEndpoint.disabled_at.is_(None), WebhookEndpoint.events.contains([event.value])
        )
        .order_by(WebhookEndpoint.id)
        .with_for_update(read=True, key_share=True)
    )
    return [_Receiver(*row) for row in session.execute(wanting).tuples()]


def _with_callback(registered: list[_Receiver], callback_url: str | None) -> list[_Receiver]:
    return registered if callback_url is None else [*registered, _Receiver(callback_url)]


def _image_counts(session: Session, job_ids: Collection[UUID]) -> Mapping[UUID, Mapping[str, int]]:
    counting = (
        select(JobImage.job_id, JobImage.state, func.count())
        .where(JobImage.job_id.in_(job_ids))
        .group_by(JobImage.job_id, JobImage.state)
    )
    found: dict[UUID, dict[ImageState, int]] = {job_id: {} for job_id in job_ids}
    for job_id, state, count in session.execute(counting).tuples():
        found[job_id][state] = count
    return {
        job_id: {
            "images": sum(counts.values()),
            "ready": counts.get(ImageState.READY, 0),
            "failed": counts.get(ImageState.FAILED, 0),
        }
        for job_id, counts in found.items()
    }


def _owe(
    session: Session,
    receivers: list[_Receiver],
    *,
    event: Event,
    subject_id: UUID,
    data: Mapping[str, object],
) -> None:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    # Written once, so that every try sends the same bytes.
    payload = json.dumps({"type": event.value, "timestamp": now, "data": data})
    session.add_all(
        WebhookDelivery(
            endpoint_id=receiver.endpoint_id,
            url=receiver.url,
            event=event,
            subject_id=subject_id,
            payload=payload,
            state=DeliveryState.PENDING,
        )
        for receiver in receivers
    )
