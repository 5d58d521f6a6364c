"""When the failure rate is worth an alarm: when it rises, not at each look.

Pure: the caller keeps the alarm and passes the time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from infra.settings.sections import FailureAlarmSettings
from tasks.reports.failure_rate import FailureRate


@dataclass(frozen=True, slots=True)
class Alarm:
    """Whether an alarm is raised, and when it was last sent."""

    is_high: bool = False
    told_at: datetime | None = None


def next_alarm(
    known: Alarm, rate: FailureRate, settings: FailureAlarmSettings, *, now: datetime
) -> Alarm | None:
    """Return the alarm to raise now, or None.

    A high rate is reported at most once per `repeat_seconds`, even when it was normal in between.
    """
    is_high = rate.jobs >= settings.min_jobs and rate.share >= settings.share
    if not is_high:
        return Alarm(is_high=False, told_at=known.told_at) if known.is_high else None
    pause = timedelta(seconds=settings.repeat_seconds)
    if known.told_at is not None and now - known.told_at < pause:
        return None
    return Alarm(is_high=True, told_at=now)


def explain(rate: FailureRate, settings: FailureAlarmSettings) -> str:
    """Return what an operator wants to know first."""
    minutes = settings.window_seconds / 60
    sentence = f"{rate.share:.0%} of {rate.jobs} jobs failed in the last {minutes:.0f} minutes."
    if not rate.errors:
        return sentence
    codes = ", ".join(f"{error.code} ({error.images})" for error in rate.errors)
    return f"{sentence} Most frequent errors, by images: {codes}."
