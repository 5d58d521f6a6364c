"""The intake: closed for each reason once, open when the last reason is gone."""

from time import monotonic

import pytest
from structlog.testing import capture_logs

from flows.runtime import circuit_breaker as module
from flows.runtime.circuit_breaker import CircuitBreaker, PauseReason
from infra.contract.errors import Conflict, ErrorCode, ServiceUnavailable
from tests.unit.flows.support.fakes import Tap


@pytest.fixture
def tap() -> Tap:
    return Tap()


@pytest.fixture
def breaker(tap: Tap) -> CircuitBreaker:
    return CircuitBreaker(tap.pause, tap.resume)


def test_a_new_gate_is_open_and_touches_nothing(breaker: CircuitBreaker, tap: Tap) -> None:
    assert breaker.is_admitting
    assert breaker.reasons == ()
    assert tap.turns == []


def test_an_obstacle_closes_the_gate_until_it_is_gone(breaker: CircuitBreaker, tap: Tap) -> None:
    breaker.pause(PauseReason.STORE)
    assert breaker.reasons == (PauseReason.STORE,)
    assert tap.turns == ["pause"]

    breaker.resume(PauseReason.STORE)
    assert breaker.is_admitting
    assert tap.turns == ["pause", "resume"]


def test_only_the_first_obstacle_pauses_and_only_the_last_resumes(
    breaker: CircuitBreaker, tap: Tap
) -> None:
    breaker.pause(PauseReason.DATABASE)
    breaker.pause(PauseReason.STORE)
    assert tap.turns == ["pause"]

    breaker.resume(PauseReason.DATABASE)
    assert not breaker.is_admitting
    assert tap.turns == ["pause"]

    breaker.resume(PauseReason.STORE)
    assert tap.turns == ["pause", "resume"]


def test_closing_and_opening_are_said_once_each(breaker: CircuitBreaker) -> None:
    with capture_logs() as said:
        for _ in range(3):
            breaker.pause(PauseReason.PREFECT, "it does not answer")
        for _ in range(3):
            breaker.resume(PauseReason.PREFECT)

    assert [line["event"] for line in said] == [
        "worker pauses",
        "pause reason gone",
        "worker goes on",
    ]
    assert (said[0]["reason"], said[0]["detail"]) == ("Prefect is away", "it does not answer")
    assert said[0]["log_level"] == "warning"


def test_an_opening_tells_what_still_stands_in_the_way(breaker: CircuitBreaker) -> None:
    breaker.pause(PauseReason.DATABASE)
    breaker.pause(PauseReason.PAUSED)

    with capture_logs() as said:
        breaker.resume(PauseReason.DATABASE)

    (line,) = said
    assert (line["event"], line["still"]) == ("pause reason gone", ["paused in Prefect"])


def test_a_gate_that_is_open_can_be_opened_without_effect(
    breaker: CircuitBreaker, tap: Tap
) -> None:
    with capture_logs() as said:
        breaker.resume(PauseReason.STORE)

    assert (said, tap.turns) == ([], [])


def test_the_same_obstacle_can_come_again(breaker: CircuitBreaker, tap: Tap) -> None:
    for _ in range(2):
        breaker.pause(PauseReason.STORE)
        breaker.resume(PauseReason.STORE)

    assert tap.turns == ["pause", "resume"] * 2


def test_a_worker_that_leaves_closes_its_gate_without_a_warning(
    breaker: CircuitBreaker, tap: Tap
) -> None:
    with capture_logs() as said:
        breaker.pause(PauseReason.LEAVING)

    assert not breaker.is_admitting
    assert tap.turns == ["pause"]
    assert said == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (ErrorCode.DATABASE_UNAVAILABLE, PauseReason.DATABASE),
        (ErrorCode.STORE_UNAVAILABLE, PauseReason.STORE),
        (ErrorCode.PREFECT_UNAVAILABLE, PauseReason.PREFECT),
    ],
)
def test_an_error_closes_the_gate_for_the_part_that_it_names(
    breaker: CircuitBreaker, code: ErrorCode, reason: PauseReason
) -> None:
    with capture_logs() as said:
        breaker.note(ServiceUnavailable(code, "It does not answer."))

    assert breaker.reasons == (reason,)
    assert [line["detail"] for line in said] == ["It does not answer."]


@pytest.mark.parametrize(
    "error",
    [
        ServiceUnavailable(ErrorCode.CACHE_UNAVAILABLE, "It does not answer."),
        ServiceUnavailable(ErrorCode.DATABASE_TIMEOUT, "It took too long."),
        Conflict(ErrorCode.DATABASE_CONFLICT, "Another change was faster."),
    ],
)
def test_an_error_that_is_no_outage_of_a_needed_part_is_said_and_closes_nothing(
    breaker: CircuitBreaker, tap: Tap, error: ServiceUnavailable
) -> None:
    with capture_logs() as said:
        breaker.note(error)

    assert breaker.is_admitting
    assert tap.turns == []
    assert [(line["event"], line["code"]) for line in said] == [("part away", error.code)]


def test_an_obstacle_may_go_at_once_the_first_time(breaker: CircuitBreaker) -> None:
    breaker.pause(PauseReason.STORE)

    assert breaker.may_resume(PauseReason.STORE)


@pytest.mark.parametrize("times", [1, 2, 9])
def test_an_obstacle_that_comes_back_at_once_stands_for_a_moment_however_often_it_came(
    breaker: CircuitBreaker, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(times):
        breaker.pause(PauseReason.STORE)
        breaker.resume(PauseReason.STORE)
    breaker.pause(PauseReason.STORE)
    closed_at = monotonic()
    assert not breaker.may_resume(PauseReason.STORE)

    monkeypatch.setattr(module, "monotonic", lambda: closed_at + 3)
    assert breaker.may_resume(PauseReason.STORE)


def test_an_error_that_proves_nothing_is_counted_and_closes_nothing(
    breaker: CircuitBreaker, tap: Tap
) -> None:
    before = monotonic()
    breaker.note(ServiceUnavailable(ErrorCode.STORE_UNAVAILABLE, "Slow.", inconclusive=True))

    assert breaker.is_admitting
    assert tap.turns == []
    assert breaker.failures(PauseReason.STORE, before) == ["Slow."]
    assert breaker.failures(PauseReason.STORE, monotonic()) == []
    assert breaker.failures(PauseReason.DATABASE, before) == []


def test_an_obstacle_that_comes_back_much_later_may_go_at_once(
    breaker: CircuitBreaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RELAPSE_SECONDS", -1)
    breaker.pause(PauseReason.STORE)
    breaker.resume(PauseReason.STORE)
    breaker.pause(PauseReason.STORE)

    assert breaker.may_resume(PauseReason.STORE)


def test_what_is_no_obstacle_need_not_be_opened(breaker: CircuitBreaker) -> None:
    assert not breaker.may_resume(PauseReason.STORE)


def test_every_obstacle_is_something_that_a_job_can_wait_for() -> None:
    for reason in PauseReason:
        breaker = CircuitBreaker(lambda: None, lambda: None)
        assert breaker.waits_for is None
        breaker.pause(reason)
        assert breaker.waits_for is not None, reason
