"""Fewer jobs at once while a part is slow, and all of them again afterwards."""

import asyncio

import pytest

from flows.runtime import adaptive_limit as module
from flows.runtime.adaptive_limit import AdaptiveLimit
from tests.unit.flows.support.fakes import play, until


@pytest.fixture
def start_limit(monkeypatch: pytest.MonkeyPatch) -> AdaptiveLimit:
    monkeypatch.setattr(module, "_SLOWER_SECONDS", -1)
    monkeypatch.setattr(module, "_FASTER_SECONDS", -1)
    return AdaptiveLimit(8)


def test_a_slow_part_halves_what_is_allowed_down_to_two(start_limit: AdaptiveLimit) -> None:
    allowed = []
    for _ in range(4):
        start_limit.slow_down()
        allowed.append(start_limit.allowed)
    assert allowed == [4, 2, 2, 2]


def test_the_pace_grows_again_one_by_one(start_limit: AdaptiveLimit) -> None:
    start_limit.slow_down()
    allowed = []
    for _ in range(6):
        start_limit.speed_up()
        allowed.append(start_limit.allowed)
    assert allowed == [5, 6, 7, 8, 8, 8]


def test_a_second_slow_answer_within_seconds_changes_nothing() -> None:
    start_limit = AdaptiveLimit(8)
    start_limit.slow_down()
    start_limit.slow_down()
    start_limit.speed_up()
    assert start_limit.allowed == 4


def test_jobs_beyond_what_is_allowed_wait_for_one_to_end(start_limit: AdaptiveLimit) -> None:
    for _ in range(3):
        start_limit.slow_down()
    begun: list[int] = []

    async def scenario() -> list[int]:
        done = asyncio.Event()

        async def job(number: int) -> None:
            async with start_limit.turn(lambda: False):
                begun.append(number)
                await done.wait()

        jobs = [asyncio.create_task(job(number)) for number in range(3)]
        await until(lambda: len(begun) == 2, "two jobs")
        before = list(begun)
        done.set()
        await asyncio.gather(*jobs)
        return before

    assert play(scenario()) == [0, 1]
    assert begun == [0, 1, 2]


def test_a_job_that_is_not_to_begin_waits_no_longer(start_limit: AdaptiveLimit) -> None:
    async def scenario() -> None:
        async with start_limit.turn(lambda: False), start_limit.turn(lambda: False):
            for _ in range(3):
                start_limit.slow_down()
            async with start_limit.turn(lambda: True):
                pass

    play(scenario())
