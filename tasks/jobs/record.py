"""Step and use case: write what became of a job's images, in guarded transactions.

Images are written while others of the job are being made, so that a job that is broken off later
makes none of them again, and its caller sees them at once.
"""

from collections.abc import Sequence

import structlog

from infra.contract.states import JobState
from infra.db.engine import Database
from tasks.jobs.claim import Claim
from tasks.jobs.park import queue_for_later
from tasks.jobs.state_changes import end, overall_state
from tasks.jobs.write_results import locked, write_results
from tasks.steps.results import ImageResult

log = structlog.get_logger(__name__)

AGAIN_SECONDS = 5.0  # a removal takes less; one that was killed is waited for


def record(database: Database, claim: Claim, results: Sequence[ImageResult]) -> JobState:
    """Write the results and the job's final state; return that state.

    `queued` when objects of a result were removed while it was made, with another product or by the
    garbage collector, or when its image was given another source or focal point: that is not the
    job's fault, so what is left is done again, uncounted.
    Raises `LostClaim` when another attempt owns the job now: then nothing is written.
    """
    with database.transaction() as session:
        job = locked(session, claim)
        if write_results(session, claim, results):
            end(session, job, state=overall_state(session, job))
        else:
            log.info("removed or replaced meanwhile: done again", job_id=str(job.id))
            queue_for_later(session, job, seconds=AGAIN_SECONDS, counts=False)
        return job.state


def record_images(database: Database, claim: Claim, results: Sequence[ImageResult]) -> bool:
    """Write the results of some images while the job goes on; return whether all were written.

    What was not written, because of what happened meanwhile, is left to `record`.
    Raises `LostClaim` when another attempt owns the job now: then nothing is written.
    """
    with database.transaction() as session:
        locked(session, claim)
        return write_results(session, claim, results)
