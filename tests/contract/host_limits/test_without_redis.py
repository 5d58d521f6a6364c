"""What one process keeps to by itself while Redis is away: few requests at a time, and pauses."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from infra.host_limits.local_limits import LocalHostLimits
from infra.host_limits.policy import DenyReason, HostSignal, Outcome
from tests.contract.host_limits.conftest import policy

FINE = Outcome(HostSignal.ALIVE, "ok", bytes=10, duration_seconds=0.1)
DEAD = Outcome(HostSignal.UNREACHABLE, "connect_failed")
REFUSED = Outcome(HostSignal.OVERLOADED, "http_429", retry_after_seconds=40)


def test_a_host_gets_no_more_requests_at_a_time_than_allowed(host: str) -> None:
    limits = LocalHostLimits(policy(host_concurrency=2))
    assert [limits.enter(host, token).hold for token in "abc"] == [None, None, DenyReason.BUSY]
    assert limits.enter("other." + host, "c").hold is None
    limits.leave(host, "a", FINE)
    assert limits.enter(host, "c").hold is None


def test_many_threads_together_never_exceed_the_limit(host: str) -> None:
    limits, lock = LocalHostLimits(policy(host_concurrency=3)), threading.Lock()
    inside, most = 0, 0

    def work(worker: int) -> None:
        nonlocal inside, most
        for number in range(20):
            token = f"{worker}-{number}"
            if limits.enter(host, token).hold is None:
                with lock:
                    inside += 1
                    most = max(most, inside)
                with lock:
                    inside -= 1
                limits.leave(host, token, FINE)

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(work, range(12)))
    assert 0 < most <= 3
    assert inside == 0


def test_a_slot_that_is_not_given_back_ends_with_its_lease(host: str) -> None:
    now = 100.0
    limits = LocalHostLimits(replace(policy(host_concurrency=1), lease_seconds=5), lambda: now)
    assert limits.enter(host, "lost").hold is None
    assert limits.enter(host, "next").hold is DenyReason.BUSY
    now = 105.0
    assert limits.enter(host, "next").hold is None


@pytest.mark.parametrize(
    ("asked", "longest", "pause"),
    [(40, 3600, 40), (86_400, 20, 20), (None, 3600, 60)],
    ids=["named", "too long", "not named"],
)
def test_a_host_that_asks_for_a_pause_gets_it(
    host: str, asked: float | None, longest: float, pause: float
) -> None:
    now = 100.0
    limits = LocalHostLimits(policy(host_backoff_max_seconds=longest), lambda: now)
    for token in "ab":
        limits.enter(host, token)
    limits.leave(host, "a", replace(REFUSED, retry_after_seconds=asked))
    limits.leave(host, "b", FINE)  # it was under way

    denied = limits.enter(host, "c")
    assert (denied.hold, denied.wait_seconds) == (DenyReason.SILENT, pause)
    assert pause < limits.turn(host) <= pause + 10
    now += pause
    assert limits.enter(host, "c").hold is None


def test_failures_are_counted_by_redis_alone(host: str) -> None:
    limits = LocalHostLimits(policy(host_breaker_failures=1))
    for _ in range(3):
        assert limits.enter(host, "a").hold is None
        limits.leave(host, "a", DEAD)


def test_jobs_without_a_queue_come_back_at_different_moments(host: str) -> None:
    limits = LocalHostLimits(policy())
    turns = {limits.turn(host) for _ in range(20)}
    assert len(turns) > 1
    assert all(1 <= turn <= 10 for turn in turns)
