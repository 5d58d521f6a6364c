"""What a worker does with a job, done by the test."""

from uuid import UUID

from infra.contract.states import JobState
from infra.db.engine import Database
from infra.settings.sections import JobSettings
from tasks.jobs.claim import Claim, claim
from tasks.jobs.record import record
from tasks.steps.results import ImageFailed


def held(rows: Database, job_id: str) -> Claim:
    """Claim the job as a worker does."""
    claimed = claim(rows, UUID(job_id), owner="test", settings=JobSettings())
    assert isinstance(claimed, Claim), claimed
    return claimed


def fail(rows: Database, mine: Claim) -> None:
    """End the job with every image failed."""
    failures = [
        ImageFailed(image, "http_404", "It is gone.", retryable=False) for image in mine.images
    ]
    assert record(rows, mine, failures) is JobState.FAILED
