"""Health: a part that seems away is asked, and the gate opens when it answers again."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from flows import health as module
from flows.gate import Gate, Obstacle
from flows.health import Health
from infra.errors import ErrorCode, ServiceUnavailable
from tests.unit.flows.crew import open_gate, play, until, workshop

AWAY = ServiceUnavailable(ErrorCode.PREFECT_UNAVAILABLE, "The Prefect API does not answer.")
API = "http://prefect.example/api"


@dataclass
class Api:
    """Prefect's API, as a probe sees it; it answers after so many failures."""

    failures: int = 0
    probes: int = 0

    def probe(self, url: str) -> None:
        assert url == API
        self.probes += 1
        if self.probes <= self.failures:
            raise AWAY


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    api = Api()
    monkeypatch.setattr(module, "probe_prefect", api.probe)
    monkeypatch.setattr(module, "_PROBE_SECONDS", 0.001)
    return api


@pytest.fixture
def gate() -> Gate:
    return open_gate()


@pytest.fixture
def health(gate: Gate, api: Api) -> Iterator[Health]:
    with workshop() as shop:
        yield Health(shop, gate)


async def watch(health: Health, look: Callable[[], object], what: str) -> None:
    """Keep asking until `look` is true."""
    asking = asyncio.create_task(health.run())
    try:
        await until(look, what)
    finally:
        asking.cancel()
        await asyncio.wait([asking])


def test_a_suspect_that_answers_closes_nothing(health: Health, gate: Gate, api: Api) -> None:
    play(health.suspect(Obstacle.PREFECT))

    assert (gate.is_open, api.probes) == (True, 1)


def test_a_suspect_that_does_not_answer_closes_the_gate(
    health: Health, gate: Gate, api: Api
) -> None:
    api.failures = 1

    play(health.suspect(Obstacle.PREFECT))

    assert gate.obstacles == (Obstacle.PREFECT,)


def test_the_gate_opens_when_the_part_answers_again(health: Health, gate: Gate, api: Api) -> None:
    api.failures = 3
    gate.close(Obstacle.PREFECT)

    play(watch(health, lambda: gate.is_open, "an open gate"))

    assert api.probes >= 4


def test_parts_are_not_asked_while_nothing_stands_in_the_way(health: Health, api: Api) -> None:
    turns: list[None] = []

    def look() -> bool:
        turns.append(None)
        return len(turns) > 10

    play(watch(health, look, "some turns"))

    assert api.probes == 0


@pytest.mark.parametrize("obstacle", [Obstacle.PAUSED, Obstacle.UNDEPLOYED, Obstacle.LEAVING])
def test_an_obstacle_that_no_probe_can_remove_stays(
    health: Health, gate: Gate, api: Api, obstacle: Obstacle
) -> None:
    gate.close(obstacle)
    gate.close(Obstacle.PREFECT)

    play(watch(health, lambda: Obstacle.PREFECT not in gate.obstacles, "Prefect's answer"))

    assert gate.obstacles == (obstacle,)
