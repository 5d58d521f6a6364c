"""Step and use case: write what became of a job's images, in one guarded transaction."""

from collections.abc import Sequence

from infra.db.engine import Database
from infra.states import JobState
from tasks.claim import Claim
from tasks.outcome import locked, write_results
from tasks.result import ImageResult
from tasks.transition import end, judged


def record(database: Database, claim: Claim, results: Sequence[ImageResult]) -> JobState:
    """Write the results and the job's final state; return that state.

    Raises `LostClaim` when another attempt owns the job now: then nothing is written.
    """
    with database.transaction() as session:
        job = locked(session, claim)
        write_results(session, claim, results)
        end(session, job, state=judged(session, job))
        return job.state
