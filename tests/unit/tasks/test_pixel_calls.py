"""Calls that wait for a pixel process come out by lane, then in their order."""

from concurrent.futures import Future
from threading import Thread

from infra.contract.states import Lane
from tasks.pixels.priority_queue import PixelCall, PixelCalls


def call(name: str) -> PixelCall:
    return PixelCall(name.encode(), Future())


def next_of(calls: PixelCalls) -> str:
    found = calls.get()
    assert found is not None
    return found.work.decode()


def test_an_interactive_call_is_next_however_many_bulk_calls_wait() -> None:
    calls = PixelCalls()
    for number in range(50):
        calls.put(call(f"bulk {number}"), Lane.BULK)
    calls.put(call("urgent"), Lane.INTERACTIVE)

    assert [next_of(calls) for _ in range(3)] == ["urgent", "bulk 0", "bulk 1"]


def test_bulk_calls_leave_one_process_free_for_an_interactive_call_that_is_expected() -> None:
    calls = PixelCalls(processes=2)
    calls.expect_interactive(60)
    for number in range(3):
        calls.put(call(f"bulk {number}"), Lane.BULK)
    begun: list[str] = []
    other = Thread(target=lambda: begun.append(next_of(calls)))

    assert next_of(calls) == "bulk 0"
    other.start()
    calls.put(call("urgent"), Lane.INTERACTIVE)
    other.join(20)

    assert begun == ["urgent"]
    assert next_of(calls) == "bulk 1"


def test_a_call_that_ended_makes_room_for_the_next_while_one_is_expected() -> None:
    calls = PixelCalls(processes=2)
    calls.expect_interactive(60)
    first, second = call("first"), call("second")
    calls.put(first, Lane.BULK)
    calls.put(second, Lane.BULK)

    assert next_of(calls) == "first"
    calls.end(first)

    assert next_of(calls) == "second"


def test_an_interactive_call_that_does_not_come_holds_bulk_calls_up_no_longer_than_said() -> None:
    calls = PixelCalls(processes=1)
    calls.expect_interactive(0.05)
    calls.put(call("bulk"), Lane.BULK)

    assert next_of(calls) == "bulk"


def test_only_calls_that_somebody_still_wants_keep_others_waiting() -> None:
    calls = PixelCalls()
    wanted, unwanted = call("wanted"), call("unwanted")
    for each in (wanted, unwanted):
        calls.put(each, Lane.INTERACTIVE)
    unwanted.future.cancel()

    assert (calls.waiting(Lane.INTERACTIVE), calls.waiting(Lane.BULK)) == (1, 0)


def test_the_end_cancels_what_waits_and_lets_every_thread_go() -> None:
    calls = PixelCalls()
    ends: list[object] = []
    threads = [Thread(target=lambda: ends.append(calls.get())) for _ in range(3)]
    for thread in threads:
        thread.start()
    calls.close()
    for thread in threads:
        thread.join(20)
    late = call("late")
    calls.put(late, Lane.BULK)

    assert ends == [None] * 3
    assert calls.get() is None
