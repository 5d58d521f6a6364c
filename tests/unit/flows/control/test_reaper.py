"""How often the reaper looks, and what it takes for settled; tests/chaos has it close real runs."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from prefect.client.orchestration import PrefectClient

from flows.control.reaper import Reaper
from flows.pool.runs import PoolRuns
from infra.settings.sections import WorkerTimings
from tests.unit.flows.support.fakes import FakeContext, fake_resources, play, until

NOBODY = cast(PoolRuns, None)
NOWHERE = cast(PrefectClient, None)


@pytest.fixture
def context() -> Iterator[FakeContext]:
    with fake_resources() as resources:
        yield FakeContext(resources)


def timed(context: FakeContext, **seconds: float) -> Reaper:
    """Return a reaper with these timings."""
    resources = context.resources
    resources.configuration = replace(resources.configuration, timings=WorkerTimings(**seconds))
    return Reaper(context, NOWHERE, NOBODY)


def test_the_reaper_looks_as_often_as_its_setting_says(
    context: FakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[None] = []

    async def look() -> None:
        looks.append(None)

    reaper = timed(context, reaper_seconds=0.001)
    monkeypatch.setattr(reaper, "reap", look)

    async def scenario() -> None:
        task = asyncio.create_task(reaper.run())
        await until(lambda: len(looks) > 2, "it has looked again and again")
        task.cancel()

    play(scenario())


@pytest.mark.parametrize(("settling_seconds", "is_fresh"), [(60, True), (1, False)])
def test_what_changed_within_the_settling_time_is_left_to_the_worker_that_changed_it(
    context: FakeContext, settling_seconds: float, *, is_fresh: bool
) -> None:
    reaper = timed(context, settling_seconds=settling_seconds)
    assert reaper._is_fresh(datetime.now(UTC) - timedelta(seconds=10)) is is_fresh
