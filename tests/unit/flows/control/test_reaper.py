"""How often the reaper looks, and what it takes for settled; tests/chaos has it close real runs."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from prefect.client.orchestration import PrefectClient

from flows.control.reaper import Reaper
from flows.pool.runs import PolledRuns
from infra.settings.sections import WorkerTimings
from tests.unit.flows.support.crew import PlayedDesk, play, until, workshop

NOBODY = cast(PolledRuns, None)
NOWHERE = cast(PrefectClient, None)


@pytest.fixture
def desk() -> Iterator[PlayedDesk]:
    with workshop() as shop:
        yield PlayedDesk(shop)


def timed(desk: PlayedDesk, **seconds: float) -> Reaper:
    """Return a reaper with these timings."""
    shop = desk.workshop
    shop.configuration = replace(shop.configuration, timings=WorkerTimings(**seconds))
    return Reaper(desk, NOWHERE, NOBODY)


def test_the_reaper_looks_as_often_as_its_setting_says(
    desk: PlayedDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[None] = []

    async def look() -> None:
        looks.append(None)

    reaper = timed(desk, reaper_seconds=0.001)
    monkeypatch.setattr(reaper, "reap", look)

    async def scenario() -> None:
        task = asyncio.create_task(reaper.run())
        await until(lambda: len(looks) > 2, "it has looked again and again")
        task.cancel()

    play(scenario())


@pytest.mark.parametrize(("settling_seconds", "is_fresh"), [(60, True), (1, False)])
def test_what_changed_within_the_settling_time_is_left_to_the_worker_that_changed_it(
    desk: PlayedDesk, settling_seconds: float, *, is_fresh: bool
) -> None:
    reaper = timed(desk, settling_seconds=settling_seconds)
    assert reaper._is_fresh(datetime.now(UTC) - timedelta(seconds=10)) is is_fresh
