"""The report of a day, as an artifact whose versions stack up under one key."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from prefect import flow
from prefect.logging import get_run_logger

from flows.reports.artifacts import plain, show, table
from flows.runtime.resources import worker_resources
from tasks.reports.daily_summary import DaySummary, summarise
from tasks.reports.savings import saving

KEY = "daily-summary"


@flow(name="daily-summary", flow_run_name="daily summary", retries=0, persist_result=False)
async def daily_summary(day: str = "") -> None:
    """Summarize a day: jobs by state and lane, images, bytes saved, errors, slow suppliers.

    Another run for the same day adds a version with the figures of that time.

    Args:
        day: The day in UTC, like 2026-01-31. Empty: yesterday.
    """
    resources = worker_resources()
    wanted = _day(day)
    summary = await resources.db(summarise, wanted)
    await show(markdown_of(summary), f"What happened on {wanted} (UTC)", key=KEY)
    jobs = sum(count.jobs for count in summary.jobs)
    get_run_logger().info(f"{wanted}: {jobs} jobs ended.")


def _day(text: str) -> date:
    if not text.strip():
        return (datetime.now(UTC) - timedelta(days=1)).date()
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is not a day: write it like 2026-01-31.") from None


def markdown_of(summary: DaySummary) -> str:
    """Return the report as markdown."""
    return "\n\n".join(_sections(summary))


def _sections(summary: DaySummary) -> Iterator[str]:
    yield f"# {summary.day} (UTC)"
    if not summary.jobs:
        yield "No job ended on this day."
        return
    yield "## Jobs"
    lanes = sorted({count.lane for count in summary.jobs})
    states = sorted({count.state for count in summary.jobs})
    jobs = {(count.lane, count.state): count.jobs for count in summary.jobs}
    counts = [(lane, *(f"{jobs.get((lane, state), 0):,}" for state in states)) for lane in lanes]
    yield table(("lane", *states), counts)
    yield "## Images"
    images = summary.images
    saved = saving(images.source_bytes, images.largest_bytes)
    yield (
        f"- {images.created:,} made, {images.deduplicated:,} known already, "
        f"{images.unchanged:,} unchanged at their source, {images.failed:,} failed\n"
        f"- {images.source_bytes:,} bytes came in, {images.variant_bytes:,} bytes of variants "
        "were made of them\n"
        f"- saved: {saved or 'nothing to compare'} (the largest variant of each image against "
        "its source)"
    )
    if summary.errors:
        yield "## Errors"
        rows = [(f"`{error.code}`", f"{error.images:,}") for error in summary.errors]
        yield table(("code", "images"), rows)
    if summary.suppliers:
        yield "## Slowest suppliers"
        yield "Time from a job's start to its end, waits that the supplier asked for included."
        yield _supplier_table(summary)


def _supplier_table(summary: DaySummary) -> str:
    head = ("supplier", "images", "failed", "median seconds", "longest")
    rows = [
        (
            plain(supplier.host),
            f"{supplier.images:,}",
            f"{supplier.failed:,}",
            f"{supplier.median_seconds:.1f}",
            f"{supplier.longest_seconds:.1f}",
        )
        for supplier in summary.suppliers
    ]
    return table(head, rows)
