"""The gate: closed for each reason once, open when the last reason is gone."""

from time import monotonic

import pytest
from structlog.testing import capture_logs

from flows.runtime import circuit_breaker as module
from flows.runtime.circuit_breaker import Gate, Obstacle
from infra.contract.errors import Conflict, ErrorCode, ServiceUnavailable
from tests.unit.flows.support.crew import Tap


@pytest.fixture
def tap() -> Tap:
    return Tap()


@pytest.fixture
def gate(tap: Tap) -> Gate:
    return Gate(tap.pause, tap.resume)


def test_a_new_gate_is_open_and_touches_nothing(gate: Gate, tap: Tap) -> None:
    assert gate.is_open
    assert gate.obstacles == ()
    assert tap.turns == []


def test_an_obstacle_closes_the_gate_until_it_is_gone(gate: Gate, tap: Tap) -> None:
    gate.close(Obstacle.STORE)
    assert gate.obstacles == (Obstacle.STORE,)
    assert tap.turns == ["pause"]

    gate.open(Obstacle.STORE)
    assert gate.is_open
    assert tap.turns == ["pause", "resume"]


def test_only_the_first_obstacle_pauses_and_only_the_last_resumes(gate: Gate, tap: Tap) -> None:
    gate.close(Obstacle.DATABASE)
    gate.close(Obstacle.STORE)
    assert tap.turns == ["pause"]

    gate.open(Obstacle.DATABASE)
    assert not gate.is_open
    assert tap.turns == ["pause"]

    gate.open(Obstacle.STORE)
    assert tap.turns == ["pause", "resume"]


def test_closing_and_opening_are_said_once_each(gate: Gate) -> None:
    with capture_logs() as said:
        for _ in range(3):
            gate.close(Obstacle.PREFECT, "it does not answer")
        for _ in range(3):
            gate.open(Obstacle.PREFECT)

    assert [line["event"] for line in said] == ["worker pauses", "obstacle gone", "worker goes on"]
    assert (said[0]["reason"], said[0]["detail"]) == ("Prefect is away", "it does not answer")
    assert said[0]["log_level"] == "warning"


def test_an_opening_tells_what_still_stands_in_the_way(gate: Gate) -> None:
    gate.close(Obstacle.DATABASE)
    gate.close(Obstacle.PAUSED)

    with capture_logs() as said:
        gate.open(Obstacle.DATABASE)

    (line,) = said
    assert (line["event"], line["still"]) == ("obstacle gone", ["paused in Prefect"])


def test_a_gate_that_is_open_can_be_opened_without_effect(gate: Gate, tap: Tap) -> None:
    with capture_logs() as said:
        gate.open(Obstacle.STORE)

    assert (said, tap.turns) == ([], [])


def test_the_same_obstacle_can_come_again(gate: Gate, tap: Tap) -> None:
    for _ in range(2):
        gate.close(Obstacle.STORE)
        gate.open(Obstacle.STORE)

    assert tap.turns == ["pause", "resume"] * 2


def test_a_worker_that_leaves_closes_its_gate_without_a_warning(gate: Gate, tap: Tap) -> None:
    with capture_logs() as said:
        gate.close(Obstacle.LEAVING)

    assert not gate.is_open
    assert tap.turns == ["pause"]
    assert said == []


@pytest.mark.parametrize(
    ("code", "obstacle"),
    [
        (ErrorCode.DATABASE_UNAVAILABLE, Obstacle.DATABASE),
        (ErrorCode.STORE_UNAVAILABLE, Obstacle.STORE),
        (ErrorCode.PREFECT_UNAVAILABLE, Obstacle.PREFECT),
    ],
)
def test_an_error_closes_the_gate_for_the_part_that_it_names(
    gate: Gate, code: ErrorCode, obstacle: Obstacle
) -> None:
    with capture_logs() as said:
        gate.note(ServiceUnavailable(code, "It does not answer."))

    assert gate.obstacles == (obstacle,)
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
    gate: Gate, tap: Tap, error: ServiceUnavailable
) -> None:
    with capture_logs() as said:
        gate.note(error)

    assert gate.is_open
    assert tap.turns == []
    assert [(line["event"], line["code"]) for line in said] == [("part away", error.code)]


def test_an_obstacle_may_go_at_once_the_first_time(gate: Gate) -> None:
    gate.close(Obstacle.STORE)

    assert gate.may_open(Obstacle.STORE)


@pytest.mark.parametrize("times", [1, 2, 9])
def test_an_obstacle_that_comes_back_at_once_stands_for_a_moment_however_often_it_came(
    gate: Gate, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(times):
        gate.close(Obstacle.STORE)
        gate.open(Obstacle.STORE)
    gate.close(Obstacle.STORE)
    closed_at = monotonic()
    assert not gate.may_open(Obstacle.STORE)

    monkeypatch.setattr(module, "monotonic", lambda: closed_at + 3)
    assert gate.may_open(Obstacle.STORE)


def test_an_error_that_proves_nothing_is_counted_and_closes_nothing(gate: Gate, tap: Tap) -> None:
    before = monotonic()
    gate.note(ServiceUnavailable(ErrorCode.STORE_UNAVAILABLE, "Slow.", inconclusive=True))

    assert gate.is_open
    assert tap.turns == []
    assert gate.failures(Obstacle.STORE, before) == ["Slow."]
    assert gate.failures(Obstacle.STORE, monotonic()) == []
    assert gate.failures(Obstacle.DATABASE, before) == []


def test_an_obstacle_that_comes_back_much_later_may_go_at_once(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RELAPSE_SECONDS", -1)
    gate.close(Obstacle.STORE)
    gate.open(Obstacle.STORE)
    gate.close(Obstacle.STORE)

    assert gate.may_open(Obstacle.STORE)


def test_what_is_no_obstacle_need_not_be_opened(gate: Gate) -> None:
    assert not gate.may_open(Obstacle.STORE)


def test_every_obstacle_is_something_that_a_job_can_wait_for() -> None:
    for obstacle in Obstacle:
        gate = Gate(lambda: None, lambda: None)
        assert gate.waits_for is None
        gate.close(obstacle)
        assert gate.waits_for is not None, obstacle
