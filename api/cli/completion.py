"""What the shell offers on TAB: ids that the API knows, if it answers at once.

A shell shows nothing but candidates, so every failure is an empty list. It must not know the
broker, whose library would make each command that names a job start later.
"""

from collections.abc import Collection

from api.cli.client import open_client
from infra.contract.errors import ProductImagesError
from infra.contract.states import JobState
from infra.settings.sections import SettingsError

PATIENCE_SECONDS = 0.5
_JOBS = 100
_RETRYABLE = (JobState.FAILED, JobState.PARTIAL, JobState.CANCELLED)
_UNFINISHED = (JobState.QUEUED, JobState.RUNNING)

Candidates = list[tuple[str, str]]
"""Values with a word about each, which zsh and fish show."""


def complete_jobs(incomplete: str) -> Candidates:
    """Offer the newest jobs."""
    return _jobs(incomplete, tuple(JobState))


def complete_retryable_jobs(incomplete: str) -> Candidates:
    """Offer the newest jobs that can be retried."""
    return _jobs(incomplete, _RETRYABLE)


def complete_unfinished_jobs(incomplete: str) -> Candidates:
    """Offer the newest jobs that can be cancelled."""
    return _jobs(incomplete, _UNFINISHED)


def complete_batches(incomplete: str) -> Candidates:
    """Offer the newest batches."""
    try:
        with open_client(timeout_seconds=PATIENCE_SECONDS) as client:
            batches = client.batches(limit=_JOBS)["batches"]
    except (ProductImagesError, SettingsError):
        return []
    return [
        (batch["id"], " ".join(filter(None, (batch["state"], batch["name"]))))
        for batch in batches
        if batch["id"].startswith(incomplete)
    ]


def _jobs(incomplete: str, states: Collection[JobState]) -> Candidates:
    try:
        with open_client(timeout_seconds=PATIENCE_SECONDS) as client:
            jobs = client.jobs(limit=_JOBS)["jobs"]
    except (ProductImagesError, SettingsError):
        return []
    return [
        (job["id"], " ".join(filter(None, (job["state"], job["sku"]))))
        for job in jobs
        if job["state"] in states and job["id"].startswith(incomplete)
    ]
