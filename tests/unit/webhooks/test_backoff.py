"""Pauses grow to hours, differ from each other, and fill a day with a dozen tries."""

import pytest

from infra.settings.sections import WebhookSettings
from infra.webhooks.backoff import pause_seconds

SETTINGS = WebhookSettings.model_validate({})
_DAY_SECONDS = 86_400


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 5), (2, 20), (5, 1280), (9, 14_400), (1000, 14_400)]
)
def test_each_pause_is_four_times_the_last_up_to_four_hours(failures: int, seconds: float) -> None:
    pauses = {pause_seconds(SETTINGS, failures=failures) for _ in range(50)}
    assert all(0.8 * seconds <= pause <= 1.2 * seconds for pause in pauses)
    assert len(pauses) > 10  # not all at the same time


def test_a_day_has_about_a_dozen_tries() -> None:
    passed, tries = 0.0, 1
    while passed < _DAY_SECONDS:
        passed += pause_seconds(SETTINGS, failures=tries)
        tries += 1
    assert 10 <= tries <= 15


def test_a_receiver_that_asks_for_patience_gets_it_within_a_day() -> None:
    assert pause_seconds(SETTINGS, failures=1, asked_seconds=600) == 600
    assert pause_seconds(SETTINGS, failures=1, asked_seconds=10**9) == _DAY_SECONDS
