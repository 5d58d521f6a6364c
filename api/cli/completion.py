"""What the shell offers on TAB: ids that the API knows, if it answers at once.

A shell shows nothing but candidates, so every failure is an empty list. It must not know the
broker, whose library would make each command that names a job start later.
"""

from collections.abc import Callable, Collection
from typing import Any

from api.cli.client import ApiClient, open_client
from infra.contract.errors import ProductImagesError
from infra.contract.states import JobState
from infra.settings.sections import SettingsError

PATIENCE_SECONDS = 0.5
_MOST = 100
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
    batches = _ask(lambda client: client.batches(limit=_MOST)["batches"])
    return _candidates(incomplete, batches, "name")


def _jobs(incomplete: str, states: Collection[JobState]) -> Candidates:
    jobs = _ask(lambda client: client.jobs(limit=_MOST)["jobs"])
    return _candidates(incomplete, [job for job in jobs if job["state"] in states], "sku")


def _ask(question: Callable[[ApiClient], Any]) -> Any:
    try:
        with open_client(timeout_seconds=PATIENCE_SECONDS) as client:
            return question(client)
    except (ProductImagesError, SettingsError):
        return []


def _candidates(incomplete: str, found: Any, name: str) -> Candidates:
    return [
        (each["id"], " ".join(filter(None, (each["state"], each[name]))))
        for each in found
        if each["id"].startswith(incomplete)
    ]
