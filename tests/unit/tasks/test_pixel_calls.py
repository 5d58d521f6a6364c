"""Calls that wait for a pixel process come out by lane, then in their order."""

from concurrent.futures import Future
from threading import Thread

from infra.states import Lane
from tasks.pixel_calls import PixelCall, PixelCalls


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
