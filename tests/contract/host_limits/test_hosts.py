"""What politeness promises, by the rules in Redis, for all workers together."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from infra.host_limits.policy import Admission, DenyReason, HostSignal, Outcome
from infra.host_limits.redis_limits import RedisHostLimits
from tests.contract.host_limits.conftest import Make, policy
from tests.waiting import eventually

FINE = Outcome(HostSignal.ALIVE, "ok", bytes=10, duration_seconds=0.1)
DEAD = Outcome(HostSignal.UNREACHABLE, "connect_failed")
REFUSED = Outcome(HostSignal.OVERLOADED, "http_429", retry_after_seconds=40)
FULL = Outcome(HostSignal.OVERLOADED, "http_503")
MOMENT = 0.05  # a lease or a pause that a test waits for


def visited(rules: RedisHostLimits, host: str, outcome: Outcome, token: str = "t") -> Admission:
    """Ask for a slot, and give it back when there was one."""
    admission = rules.enter(host, token)
    if admission.hold is None:
        rules.leave(host, token, outcome)
    return admission


def test_a_host_gets_no_more_requests_at_a_time_than_allowed(make: Make, host: str) -> None:
    rules = make(policy(host_concurrency=2))
    assert rules.enter(host, "a").hold is None
    assert rules.enter(host, "b").hold is None
    assert rules.enter(host, "c").hold is DenyReason.BUSY
    assert rules.enter("other." + host, "c").hold is None
    rules.leave(host, "a", FINE)
    assert rules.enter(host, "c").hold is None


def test_many_threads_together_never_exceed_the_limit(make: Make, host: str) -> None:
    rules, lock = make(policy(host_concurrency=3)), threading.Lock()
    inside, most, served = 0, 0, 0

    def work(worker: int) -> None:
        nonlocal inside, most, served
        for number in range(20):
            token = f"{worker}-{number}"
            if rules.enter(host, token).hold is not None:
                continue
            with lock:
                inside, served = inside + 1, served + 1
                most = max(most, inside)
            with lock:
                inside -= 1
            rules.leave(host, token, FINE)

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(work, range(12)))
    assert 0 < most <= 3
    assert served >= 3
    assert inside == 0


def test_the_slot_of_a_killed_worker_comes_back(make: Make, host: str) -> None:
    rules = make(replace(policy(host_concurrency=1), lease_seconds=MOMENT))
    assert rules.enter(host, "killed").hold is None
    eventually(lambda: rules.enter(host, "next").hold is None, "the lease ends")


def test_a_host_gets_no_more_requests_in_a_time_than_allowed(make: Make, host: str) -> None:
    rules = make(policy(host_rate_per_second=0.1))
    assert visited(rules, host, FINE).hold is None
    held = visited(rules, host, FINE)
    assert held.hold is DenyReason.RATE
    assert 5 < held.wait_seconds <= 10


def test_a_burst_of_one_second_is_allowed_at_once(make: Make, host: str) -> None:
    rules = make(policy(host_rate_per_second=0.0625 * 16 * 8))  # 8 a second
    holds = [visited(rules, host, FINE).hold for _ in range(8)]
    assert holds == [None] * 8


def test_a_host_that_names_a_pause_gets_it(make: Make, host: str) -> None:
    rules = make(policy())
    assert visited(rules, host, REFUSED).hold is None
    held = visited(rules, host, FINE)
    assert held.hold is DenyReason.SILENT
    assert 30 < held.wait_seconds <= 40


def test_a_host_cannot_silence_itself_for_ever(make: Make, host: str) -> None:
    rules = make(policy(host_backoff_max_seconds=20))
    visited(rules, host, replace(REFUSED, retry_after_seconds=86_400))
    assert 10 < visited(rules, host, FINE).wait_seconds <= 20


def test_each_unnamed_pause_is_twice_as_long_as_the_one_before(make: Make, host: str) -> None:
    rules = make(policy(host_backoff_seconds=MOMENT, host_backoff_max_seconds=0.4))
    waits = []
    for _ in range(5):
        eventually(
            lambda: visited(rules, host, FULL).hold is None, "the pause ends", every_seconds=0.005
        )
        waits.append(rules.enter(host, "next").wait_seconds)
    for wait, longest in zip(waits, (0.05, 0.1, 0.2, 0.4, 0.4), strict=True):
        assert wait <= longest
    assert waits[2] > 0.05  # longer than the first could be


def test_answers_that_were_under_way_do_not_lengthen_a_pause(make: Make, host: str) -> None:
    rules = make(policy(host_backoff_seconds=60))
    for token in "abc":
        rules.enter(host, token)
    for token in "abc":
        rules.leave(host, token, FULL)
    assert 0 < rules.enter(host, "d").wait_seconds <= 60


def test_a_success_that_was_under_way_does_not_end_a_pause(make: Make, host: str) -> None:
    rules = make(policy())
    rules.enter(host, "a")
    visited(rules, host, REFUSED)
    rules.leave(host, "a", FINE)
    assert rules.enter(host, "b").hold is DenyReason.SILENT


def test_failures_in_a_row_open_the_circuit_and_say_why(make: Make, host: str) -> None:
    rules = make(policy())
    for _ in range(3):
        assert visited(rules, host, DEAD).hold is None
    held = visited(rules, host, FINE)
    assert (held.hold, held.last_error) == (DenyReason.OPEN, "connect_failed")
    assert 30 < held.wait_seconds <= 60


@pytest.mark.parametrize("between", [FINE, FULL], ids=["success", "answer"])
def test_an_answer_between_failures_keeps_the_circuit_closed(
    make: Make, host: str, between: Outcome
) -> None:
    rules = make(policy(host_backoff_seconds=0.001))
    for outcome in (DEAD, DEAD, between, DEAD, DEAD):
        eventually(lambda c=outcome: visited(rules, host, c).hold is None, "it is asked")
    eventually(lambda: rules.enter(host, "next").hold is None, "the circuit is closed")


def test_what_we_broke_off_says_nothing_about_a_host(make: Make, host: str) -> None:
    rules = make(policy())
    nothing = Outcome(HostSignal.NOTHING, "broken_off")
    for outcome in (DEAD, nothing, DEAD, nothing, DEAD):
        assert visited(rules, host, outcome).hold is None
    assert visited(rules, host, FINE).hold is DenyReason.OPEN


def opened(make: Make, host: str) -> RedisHostLimits:
    """Return rules whose host has just failed too often; the first pause is short."""
    rules = make(policy(host_breaker_failures=1, host_breaker_seconds=0.5))
    visited(rules, host, DEAD)
    return rules


def test_one_request_finds_out_whether_an_open_circuit_may_close(make: Make, host: str) -> None:
    rules = opened(make, host)
    eventually(lambda: rules.enter(host, "probe").hold is None, "a probe is let through")
    assert rules.enter(host, "other").hold is DenyReason.OPEN
    rules.leave(host, "probe", FINE)
    assert rules.enter(host, "other").hold is None


def test_a_failed_probe_opens_the_circuit_for_longer(make: Make, host: str) -> None:
    rules = opened(make, host)
    eventually(lambda: rules.enter(host, "probe").hold is None, "a probe is let through")
    rules.leave(host, "probe", DEAD)
    held = rules.enter(host, "other")
    assert held.hold is DenyReason.OPEN
    assert 0.5 < held.wait_seconds <= 1


def test_a_probe_that_was_broken_off_lets_another_one_through(make: Make, host: str) -> None:
    rules = opened(make, host)
    eventually(lambda: rules.enter(host, "probe").hold is None, "a probe is let through")
    rules.leave(host, "probe", Outcome(HostSignal.NOTHING, "broken_off"))
    assert rules.enter(host, "other").hold is None


def test_a_queue_gives_each_a_later_turn(make: Make, host: str) -> None:
    rules = make(policy(host_concurrency=2))
    visited(rules, host, replace(FINE, duration_seconds=4))
    turns = [rules.turn(host) for _ in range(3)]
    assert turns == sorted(turns)
    assert 1.5 < turns[0] <= 2  # a request of four seconds, two at a time
    assert 5 < turns[2] <= 6


def test_turns_begin_when_a_silence_ends(make: Make, host: str) -> None:
    rules = make(policy())
    visited(rules, host, REFUSED)
    assert 30 < rules.turn(host) < 50


def test_a_queue_has_an_end(make: Make, host: str) -> None:
    rules = make(policy(host_concurrency=1))
    visited(rules, host, replace(FINE, duration_seconds=300))
    assert [rules.turn(host) for _ in range(4)][-1] <= 600
