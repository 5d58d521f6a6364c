"""Work side by side: all results in order, and nobody left at work after an error."""

import asyncio

import pytest

from flows.runtime.gathering import Handover, for_each, gather_or_cancel, semaphore_slot
from tests.unit.flows.support.fakes import play


async def answer(value: int) -> int:
    await asyncio.sleep(0)
    return value


def test_results_come_in_the_order_of_the_work() -> None:
    assert play(gather_or_cancel(answer(value) for value in range(5))) == [0, 1, 2, 3, 4]


def test_no_work_gives_no_result() -> None:
    assert play(gather_or_cancel([])) == []


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
            await gather_or_cancel([forever(), fail()])
        assert ended == [True]

    play(both())


def test_items_are_worked_on_as_they_come_until_the_handover_is_closed() -> None:
    async def scenario() -> list[int]:
        handover: Handover[int] = Handover()
        done: list[int] = []

        async def work(item: int) -> None:
            done.append(item)

        working = asyncio.create_task(for_each(aiter(handover), work))
        handover.put(1)
        await asyncio.sleep(0.01)
        assert done == [1]  # though more may come
        handover.put(2)
        handover.close()
        await working
        return done

    assert play(scenario()) == [1, 2]


@pytest.mark.parametrize("items", [(), (1,)])
def test_a_handover_begins_with_its_first_item_if_there_is_one(items: tuple[int, ...]) -> None:
    async def scenario() -> bool:
        handover: Handover[int] = Handover()
        waiting = asyncio.create_task(handover.begins())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        for item in items:
            handover.put(item)
        handover.close()
        return await waiting

    assert play(scenario()) is bool(items)


def test_an_error_at_one_item_ends_the_others_and_the_waiting_for_more() -> None:
    async def scenario() -> list[int]:
        handover: Handover[int] = Handover()
        ended: list[int] = []

        async def work(item: int) -> None:
            if item == 2:
                raise LookupError("this one")
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(item)

        handover.put(1)
        handover.put(2)  # and never closed
        with pytest.raises(LookupError):
            await for_each(aiter(handover), work)
        return ended

    assert play(scenario()) == [1]


def test_a_slot_is_held_in_the_block_and_given_back() -> None:
    async def scenario() -> tuple[bool, bool, bool]:
        slots, never = asyncio.Semaphore(1), asyncio.Event()
        async with semaphore_slot(slots, unless=never) as held:
            taken = slots.locked()
        return held, taken, slots.locked()

    assert play(scenario()) == (True, True, False)


def test_who_waits_for_a_slot_stops_waiting_when_the_event_comes() -> None:
    async def scenario() -> tuple[bool, bool]:
        slots, enough = asyncio.Semaphore(1), asyncio.Event()
        async with semaphore_slot(slots, unless=asyncio.Event()):

            async def second() -> bool:
                async with semaphore_slot(slots, unless=enough) as held:
                    return held

            waiting = asyncio.create_task(second())
            await asyncio.sleep(0.01)
            enough.set()
            held = await waiting
        return held, slots.locked()

    assert play(scenario()) == (False, False)


def test_a_slot_is_given_back_by_who_is_cancelled_while_it_waits_or_works() -> None:
    async def scenario() -> bool:
        slots = asyncio.Semaphore(1)

        async def work() -> None:
            async with semaphore_slot(slots, unless=asyncio.Event()):
                await asyncio.Event().wait()

        works = [asyncio.create_task(work()) for _ in range(2)]
        await asyncio.sleep(0.01)
        for task in works:
            task.cancel()
        await asyncio.wait(works)
        await asyncio.sleep(0)
        return slots.locked()

    assert play(scenario()) is False
