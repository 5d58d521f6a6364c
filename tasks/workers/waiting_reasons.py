"""What a queued job waits for besides its turn, by its row and the living workers."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from infra.contract.states import JobState, WaitReason
from infra.db.models.jobs import Job, Worker
from tasks.workers.heartbeat import silent_since

_DISPATCHED_WITHIN_SECONDS = 5


def waiting_for(session: Session, job: Job) -> WaitReason | None:
    """Return what a queued job waits for; None when it waits for its turn alone, or not at all.

    Workers tell every few seconds why they take nothing, so the answer may be that old.
    """
    if job.state is not JobState.QUEUED:
        return None
    now = session.execute(select(func.now())).scalar_one()
    if job.not_before is not None and job.not_before > now:
        return WaitReason.SOURCE
    reasons = session.scalars(
        select(Worker.waits_for).where(Worker.seen_at >= silent_since())
    ).all()
    if not reasons:
        return WaitReason.WORKER
    if None not in reasons:
        return _known(reasons[0])
    waited = (now - job.created_at).total_seconds()
    is_unsent = job.dispatched_at is None and job.batch_id is None and job.flow_run_id is None
    return WaitReason.BROKER if is_unsent and waited > _DISPATCHED_WITHIN_SECONDS else None


def _known(reason: str | None) -> WaitReason | None:
    """A newer worker may name a reason that this version does not know."""
    return WaitReason(reason) if reason in set(WaitReason) else None
