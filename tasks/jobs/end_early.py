"""Use case: end a claimed job before all of its images are made."""

from collections.abc import Sequence
from enum import StrEnum

from infra.contract.errors import ErrorCode
from infra.contract.states import JobState
from infra.db.engine import Database
from tasks.jobs.claim import Claim
from tasks.jobs.state_changes import end, end_cancelled, overall_state
from tasks.jobs.unfinished import fail_unfinished
from tasks.jobs.write_results import locked, write_results
from tasks.steps.results import ImageResult

_TOO_SLOW = "The job took longer than JOB_TIMEOUT_SECONDS. Retry it to make the unfinished images."


class Ending(StrEnum):
    """Why a job ends early."""

    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


def end_early(
    database: Database, claim: Claim, results: Sequence[ImageResult], *, ending: Ending
) -> JobState:
    """Write the results that exist, fail the other images, end the job; return its state.

    Raises `LostClaim` when another attempt owns the job now: then nothing is written.
    """
    with database.transaction() as session:
        job = locked(session, claim)
        write_results(session, claim, results)
        if ending is Ending.CANCELLED:
            end_cancelled(session, job)
        elif fail_unfinished(session, job, code=ErrorCode.JOB_TIMEOUT, detail=_TOO_SLOW):
            state = overall_state(session, job)
            end(session, job, state=state, code=ErrorCode.JOB_TIMEOUT, detail=_TOO_SLOW)
        else:
            end(session, job, state=overall_state(session, job))
        return job.state
