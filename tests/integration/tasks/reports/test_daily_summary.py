"""A day summed up from PostgreSQL: jobs, images, bytes, errors, slow suppliers."""

from datetime import UTC, date, datetime, timedelta

from infra.contract.states import JobState, Lane, Outcome
from infra.db.engine import Database
from tasks.jobs.record import record
from tasks.reports.daily_summary import DaySummary, ImageSums, JobCount, SupplierTime, summarise
from tasks.reports.error_counts import ErrorCount
from tasks.submission.submit import Submission, submit
from tests.integration.tasks.job_rows import SIZES, change, claimed, done, failed, finished

DAY = date(2026, 3, 14)
_SOURCE_BYTES = 1000


def ended(
    database: Database, *urls: str, seconds: int, failures: int = 0, lane: Lane = Lane.INTERACTIVE
) -> None:
    """End a job of these sources on the day, after so many seconds; the last images failed."""
    job = submit(database, Submission(preset="web", urls=urls, lane=lane))
    mine = claimed(database, job.job_id)
    good = len(urls) - failures
    results = [done(image, image.source_url) for image in mine.images[:good]]
    record(database, mine, [*results, *(failed(image) for image in mine.images[good:])])
    end = datetime(2026, 3, 14, 12, tzinfo=UTC)
    start = end - timedelta(seconds=seconds)
    change(database, job.job_id, f"started_at = '{start}', finished_at = '{end}'")


def test_a_day_without_jobs_is_empty(database: Database) -> None:
    finished(database, "today")

    assert summarise(database, DAY) == DaySummary(DAY, (), ImageSums(), (), ())


def test_a_day_counts_jobs_by_lane_and_state_and_errors_by_code(database: Database) -> None:
    ended(database, "http://a.example/1", "http://a.example/2", seconds=1, failures=1)
    ended(database, "http://a.example/3", seconds=1, failures=1)
    ended(database, "http://a.example/4", seconds=1, lane=Lane.BULK)
    ended(database, "http://a.example/5", seconds=1, lane=Lane.BULK)

    day = summarise(database, DAY)

    assert set(day.jobs) == {
        JobCount(Lane.INTERACTIVE, JobState.PARTIAL, 1),
        JobCount(Lane.INTERACTIVE, JobState.FAILED, 1),
        JobCount(Lane.BULK, JobState.READY, 2),
    }
    assert day.errors == (ErrorCount("http_404", 2),)


def test_bytes_are_those_of_what_was_made_counted_once(database: Database) -> None:
    ended(database, "http://a.example/1", "http://a.example/2", seconds=1)
    job = submit(database, Submission(preset="web", urls=("http://b.example/1",)))
    mine = claimed(database, job.job_id)
    record(database, mine, [done(mine.images[0], "http://a.example/1", Outcome.DEDUPLICATED)])
    change(database, job.job_id, "finished_at = '2026-03-14T23:59:59Z'")

    images = summarise(database, DAY).images

    widths = [width for width, _ in SIZES]  # a variant in these tests has its width in bytes
    assert images == ImageSums(
        created=2,
        deduplicated=1,
        source_bytes=2 * _SOURCE_BYTES,
        variant_bytes=2 * sum(widths),
        largest_bytes=2 * max(widths),
    )


def test_the_slowest_suppliers_come_first_with_their_median(database: Database) -> None:
    for seconds in (1, 2, 90):
        ended(database, f"http://fast.example/{seconds}", seconds=seconds)
    ended(database, "https://slow.example:8443/1", "https://slow.example:8443/2", seconds=9)
    ended(database, "https://slow.example:8443/3", seconds=7, failures=1)

    assert summarise(database, DAY).suppliers == (
        SupplierTime("slow.example", 3, 1, median_seconds=8.0, longest_seconds=9.0),
        SupplierTime("fast.example", 3, 0, median_seconds=2.0, longest_seconds=90.0),
    )


def test_midnight_belongs_to_the_day_that_begins(database: Database) -> None:
    for moment in ("2026-03-14T00:00:00Z", "2026-03-15T00:00:00Z", "2026-03-13T23:59:59.999Z"):
        job = finished(database, moment)
        change(database, job.job_id, f"finished_at = '{moment}'")

    assert sum(count.jobs for count in summarise(database, DAY).jobs) == 1
