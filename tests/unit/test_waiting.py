"""Waiting for a part: visible in the log, without end, and stoppable."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from structlog.testing import capture_logs

from infra.contract.errors import ErrorCode, ServiceUnavailable, Stopped
from infra.waiting import wait_for

SOON = (0.0, 0.001)
LONG = (60.0, 60.0)
DEADLINE_SECONDS = 20


class Part:
    """Refuses with each of the reasons in turn, then answers."""

    def __init__(self, *reasons: str) -> None:
        self.asked = 0
        self._reasons: Iterator[str] = iter(reasons)

    def probe(self) -> None:
        self.asked += 1
        for reason in self._reasons:
            raise ServiceUnavailable(ErrorCode.DATABASE_UNAVAILABLE, reason)


def waited(part: Part, **options: Any) -> list[tuple[Any, Any]]:
    """Wait for the part; return what was logged, with the reasons."""
    with capture_logs() as logs:
        wait_for("PostgreSQL", part.probe, poll_seconds=SOON, **options)
    return [(entry["event"], entry.get("reason")) for entry in logs]


def test_a_part_that_answers_at_once_is_not_worth_a_word() -> None:
    assert waited(Part()) == []


def test_the_log_says_what_is_waited_for_and_when_it_answers() -> None:
    part = Part("It is away.", "It is away.", "It is away.")
    assert waited(part) == [("waiting for PostgreSQL", "It is away."), ("PostgreSQL answers", None)]
    assert part.asked == 4


def test_the_log_repeats_itself_after_a_while() -> None:
    logs = waited(Part("It is away.", "It is away."), remind_seconds=0)
    assert logs == [("waiting for PostgreSQL", "It is away.")] * 2 + [("PostgreSQL answers", None)]


def test_the_log_says_when_there_is_another_reason() -> None:
    reasons = [reason for _, reason in waited(Part("It is away.", "No tables.", "No tables."))]
    assert reasons == ["It is away.", "No tables.", None]


def test_the_log_says_how_long_it_took() -> None:
    with capture_logs() as logs:
        wait_for("PostgreSQL", Part("It is away.").probe, poll_seconds=(0.06, 0.06))
    assert logs[-1]["waited_seconds"] >= 0.1  # rounded to tenths


def test_the_waiting_ends_at_once_when_it_is_stopped() -> None:
    stop, asked = Event(), Event()

    def probe() -> None:
        asked.set()
        raise ServiceUnavailable(ErrorCode.DATABASE_UNAVAILABLE, "It is away.")

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(wait_for, "PostgreSQL", probe, stop=stop, poll_seconds=LONG)
        assert asked.wait(DEADLINE_SECONDS)
        assert not waiting.done()
        stop.set()
        assert isinstance(waiting.exception(DEADLINE_SECONDS), Stopped)


def test_who_is_stopped_already_asks_nobody() -> None:
    stop, part = Event(), Part()
    stop.set()
    with pytest.raises(Stopped):
        wait_for("PostgreSQL", part.probe, stop=stop)
    assert part.asked == 0


def test_a_mistake_of_ours_is_not_waited_for() -> None:
    def probe() -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        wait_for("PostgreSQL", probe)
