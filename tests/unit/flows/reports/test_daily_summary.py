"""The report of a day, in markdown."""

from datetime import date

from flows.daily_summary import markdown_of
from infra.contract.states import JobState, Lane
from tasks.reports.daily_summary import DaySummary, ImageSums, JobCount, SupplierTime
from tasks.reports.error_counts import ErrorCount

DAY = date(2026, 3, 14)


def test_a_day_without_jobs_says_so() -> None:
    report = markdown_of(DaySummary(DAY, (), ImageSums(), (), ()))

    assert report == "# 2026-03-14 (UTC)\n\nNo job ended on this day."


def test_a_day_is_told_in_tables() -> None:
    summary = DaySummary(
        DAY,
        (
            JobCount(Lane.BULK, JobState.READY, 12_000),
            JobCount(Lane.INTERACTIVE, JobState.FAILED, 3),
        ),
        ImageSums(created=5, failed=1, source_bytes=1000, variant_bytes=400, largest_bytes=250),
        (ErrorCount("http_404", 1),),
        (SupplierTime("a.example", 6, 1, median_seconds=2.25, longest_seconds=9.0),),
    )

    lines = markdown_of(summary).splitlines()

    assert "| lane | failed | ready |" in lines
    assert "| bulk | 0 | 12,000 |" in lines
    assert "| interactive | 3 | 0 |" in lines
    assert "| `http_404` | 1 |" in lines
    assert "| a.example | 6 | 1 | 2.2 | 9.0 |" in lines
    assert any("saved: 75 %" in line for line in lines)
