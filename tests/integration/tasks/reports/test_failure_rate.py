"""The share of jobs that failed lately, weighed, with the errors behind it."""

import pytest

from infra.db.engine import Database
from tasks.jobs.record import record
from tasks.reports.error_counts import ErrorCount
from tasks.reports.failure_rate import FailureRate, failure_rate
from tests.integration.tasks.job_rows import change, claimed, done, failed, finished, submitted

HOUR = 3600


def ended(database: Database, *codes: str | None) -> None:
    """End a job whose images failed with these codes, or were made."""
    names = [f"{id(codes)}-{n}-{code}" for n, code in enumerate(codes)]
    job = submitted(database, *names)
    mine = claimed(database, job.job_id)
    results = [
        done(image, name) if code is None else failed(image, code)
        for image, name, code in zip(mine.images, names, codes, strict=True)
    ]
    record(database, mine, results)


def test_nothing_ended_is_no_failure(database: Database) -> None:
    submitted(database, "waits")

    rate = failure_rate(database, window_seconds=HOUR)

    assert rate == FailureRate(jobs=0, failed=0.0)
    assert rate.share == 0


def test_a_partial_job_counts_by_its_failed_images(database: Database) -> None:
    ended(database, None)
    ended(database, "http_404")
    ended(database, None, None, None, "http_503")

    rate = failure_rate(database, window_seconds=HOUR)

    assert (rate.jobs, rate.failed) == (3, pytest.approx(1.25))
    assert rate.share == pytest.approx(1.25 / 3)


def test_the_most_frequent_errors_come_first_and_at_most_three(database: Database) -> None:
    ended(database, "http_404", "dns_failure", "http_503", "http_503", "corrupt")

    rate = failure_rate(database, window_seconds=HOUR)

    assert rate.errors[0] == ErrorCount("http_503", 2)
    assert [error.code for error in rate.errors[1:]] == ["corrupt", "dns_failure"]


def test_what_ended_before_the_window_is_not_looked_at(database: Database) -> None:
    old = finished(database, "old")
    change(database, old.job_id, "finished_at = now() - interval '61 minutes'")
    ended(database, "http_404")

    rate = failure_rate(database, window_seconds=HOUR)

    assert (rate.jobs, rate.share) == (1, 1.0)


def test_a_cancelled_job_speaks_for_nobody(database: Database) -> None:
    job = finished(database, "stopped")
    change(database, job.job_id, "state = 'cancelled'")

    assert failure_rate(database, window_seconds=HOUR).jobs == 0
