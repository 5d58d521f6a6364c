"""What a listener of a job is told: the difference between what it has heard and what is.

Pure: neither the rows nor the connection are known here. Images come first, then the progress,
then the job's state, so that who hears a state has heard all that led to it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from api.events.job_cursor import Cursor, mark, unheard
from infra.contract.states import ImageState
from tasks.jobs.snapshot import ImageSnapshot, JobSnapshot
from tasks.views import ErrorView


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `heard` is what its receiver knows with it, and becomes its id."""

    name: str
    data: dict[str, Any]
    heard: Cursor


def changes(heard: Cursor, job: JobSnapshot) -> Iterator[Event]:
    """Yield what the listener does not know yet, each with what it knows then."""
    if len(heard.images) != len(job.images):
        heard = Cursor(images=unheard(len(job.images)))
    marks = list(heard.images)
    for index, image in enumerate(job.images):
        now = mark(image.id, image.state, image.outcome, image.finished_at)
        if marks[index] != now:
            marks[index] = now
            heard = replace(heard, images=tuple(marks))
            yield Event("image", _image(image), heard)
    ready, failed = job.count(ImageState.READY), job.count(ImageState.FAILED)
    done = ready + failed
    progress = {"done": done, "total": len(job.images), "ready": ready, "failed": failed}
    if heard.done != done:
        heard = replace(heard, done=done)
        yield Event("progress", progress, heard)
    now = mark(job.state, job.round, job.attempts, job.finished_at)
    if heard.job != now:
        heard = replace(heard, job=now, ended=False)
        yield Event("state", _state(job), heard)
    if job.state.is_final and not heard.ended:
        yield Event("end", {"state": job.state}, replace(heard, ended=True))


def _image(image: ImageSnapshot) -> dict[str, Any]:
    return {
        "id": str(image.id),
        "position": image.position,
        "state": image.state,
        "outcome": image.outcome,
        "error": _error(image.error),
    }


def _state(job: JobSnapshot) -> dict[str, Any]:
    finished_at = None if job.finished_at is None else job.finished_at.isoformat()
    return {
        "job_id": str(job.id),
        "state": job.state,
        "attempts": job.attempts,
        "error": _error(job.error),
        "finished_at": finished_at,
    }


def _error(error: ErrorView | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {"code": error.code, "detail": error.detail, "retryable": error.retryable}
