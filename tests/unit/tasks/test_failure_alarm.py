"""When the failure rate is told: at its edges, and not too often."""

from datetime import UTC, datetime, timedelta

import pytest

from infra.settings.sections import FailureAlarmSettings
from tasks.reports.error_counts import ErrorCount
from tasks.reports.failure_alarm import Alarm, explain, next_alarm
from tasks.reports.failure_rate import FailureRate

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
SETTINGS = FailureAlarmSettings(share=0.25, min_jobs=20, repeat_seconds=3600)
BAD, GOOD = FailureRate(100, 40.0), FailureRate(100, 3.0)
NEVER = Alarm()


def high(minutes_ago: float) -> Alarm:
    return Alarm(is_high=True, told_at=NOW - timedelta(minutes=minutes_ago))


def test_a_rate_that_becomes_high_is_told() -> None:
    assert next_alarm(NEVER, BAD, SETTINGS, now=NOW) == Alarm(is_high=True, told_at=NOW)


@pytest.mark.parametrize(
    ("rate", "is_told"),
    [
        (FailureRate(20, 5.0), True),
        (FailureRate(20, 4.99), False),
        (FailureRate(19, 19.0), False),
        (FailureRate(0, 0.0), False),
    ],
    ids=["at_the_bounds", "below_the_share", "too_few_jobs", "no_jobs"],
)
def test_share_and_number_of_jobs_must_reach_their_bounds(
    rate: FailureRate, *, is_told: bool
) -> None:
    assert (next_alarm(NEVER, rate, SETTINGS, now=NOW) is not None) is is_told


def test_a_lasting_alarm_is_told_again_only_after_the_pause() -> None:
    assert next_alarm(high(59.9), BAD, SETTINGS, now=NOW) is None
    assert next_alarm(high(60), BAD, SETTINGS, now=NOW) == Alarm(is_high=True, told_at=NOW)


@pytest.mark.parametrize("rate", [GOOD, FailureRate(3, 3.0)], ids=["few_fail", "few_jobs"])
def test_the_end_of_an_alarm_is_told_once(rate: FailureRate) -> None:
    ended = next_alarm(high(5), rate, SETTINGS, now=NOW)

    assert ended == Alarm(is_high=False, told_at=NOW - timedelta(minutes=5))
    assert next_alarm(ended, rate, SETTINGS, now=NOW) is None


def test_a_rate_that_goes_up_and_down_is_not_told_each_time() -> None:
    calm = Alarm(is_high=False, told_at=NOW - timedelta(minutes=10))

    assert next_alarm(calm, BAD, SETTINGS, now=NOW) is None
    assert next_alarm(calm, BAD, SETTINGS, now=NOW + timedelta(minutes=50)) is not None


def test_the_sentence_names_share_jobs_and_errors() -> None:
    rate = FailureRate(40, 10.0, (ErrorCount("http_503", 9), ErrorCount("corrupt", 1)))

    assert explain(rate, SETTINGS) == (
        "25% of 40 jobs failed in the last 60 minutes. "
        "Most frequent errors, by images: http_503 (9), corrupt (1)."
    )
