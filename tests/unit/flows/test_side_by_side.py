"""Work side by side: all results in order, and nobody left at work after an error."""

import asyncio

import pytest

from flows.side_by_side import side_by_side
from tests.unit.flows.crew import play


async def answer(value: int) -> int:
    await asyncio.sleep(0)
    return value


def test_results_come_in_the_order_of_the_work() -> None:
    assert play(side_by_side(answer(value) for value in range(5))) == [0, 1, 2, 3, 4]


def test_no_work_gives_no_result() -> None:
    assert play(side_by_side([])) == []


def test_an_error_ends_the_others_before_it_is_raised() -> None:
    ended = []

    async def forever() -> int:
        try:
            return await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def fail() -> int:
        await asyncio.sleep(0)
        raise LookupError("one of them")

    async def both() -> None:
        with pytest.raises(LookupError):
            await side_by_side([forever(), fail()])
        assert ended == [True]

    play(both())
