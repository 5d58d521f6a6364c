"""Standing duties: started again after a failure, given up when they fail time after time."""

import asyncio
from collections.abc import Awaitable, Callable
from threading import Thread

import anyio
import pytest
from structlog.testing import capture_logs

from flows.worker import duties as module
from flows.worker.duties import keep_running
from flows.worker.lifecycle import Shutdown, consume
from tests.unit.flows.support.fakes import play, until


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE_SECONDS", 0)


class Work:
    """A duty that fails so often, in this way, and is at work from then on."""

    def __init__(self, failures: int, fail: Callable[[], Awaitable[None]]) -> None:
        self.begun, self.at_work = 0, asyncio.Event()
        self._failures, self._fail = failures, fail

    async def run(self) -> None:
        self.begun += 1
        if self.begun <= self._failures:
            await self._fail()
            return
        self.at_work.set()
        await asyncio.Event().wait()


async def surprise() -> None:
    raise LookupError("nothing there")


async def end() -> None:
    pass


async def cancel_of_a_library() -> None:
    waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting.cancel()
    await waiting


@pytest.mark.parametrize("fail", [surprise, end, cancel_of_a_library])
def test_a_duty_that_ends_is_logged_each_time_and_started_again(
    fail: Callable[[], Awaitable[None]],
) -> None:
    reasons: list[str] = []

    async def scenario() -> Work:
        work = Work(3, fail)
        keeping = asyncio.create_task(keep_running("reaper", work.run, reasons.append))
        await work.at_work.wait()
        keeping.cancel()
        await asyncio.wait([keeping])
        assert keeping.cancelled()
        return work

    with capture_logs() as said:
        work = play(scenario())

    assert (work.begun, reasons) == (4, [])
    assert [(line["duty"], line["log_level"]) for line in said] == [("reaper", "error")] * 3
    if fail is surprise:
        assert all(line["exc_info"] for line in said)


class CancelTakenBack:
    """A duty that ends a cancel as Prefect's worker does: at the end of nested scopes, anyio counts
    its own cancel of another task as one of this task, and takes back one that came from outside.
    """

    def __init__(self) -> None:
        self.begun = 0
        self._scopes: list[anyio.CancelScope] = []

    async def run(self) -> None:
        self.begun += 1
        async with anyio.create_task_group() as group:
            group.start_soon(self._beside)
            try:
                await anyio.sleep_forever()
            finally:
                for scope in self._scopes:
                    scope.cancel()

    def is_at_work(self) -> bool:
        return bool(self._scopes)

    async def _beside(self) -> None:
        with anyio.CancelScope() as scope:
            self._scopes.append(scope)
            await anyio.sleep_forever()


def test_a_cancel_ends_a_duty_even_when_a_library_takes_it_back() -> None:
    async def scenario() -> None:
        work = CancelTakenBack()
        keeping = asyncio.create_task(keep_running("polling", work.run, print))
        await until(work.is_at_work, "the duty is at work")
        keeping.cancel()
        await until(lambda: keeping.done() or work.begun > 1, "the duty has ended")
        assert (keeping.done(), work.begun) == (True, 1)

    with capture_logs() as said:
        play(scenario())

    assert said == []


def test_a_duty_that_fails_time_after_time_is_given_up_with_its_name() -> None:
    reasons: list[str] = []

    with capture_logs():
        play(keep_running("reaper", surprise, reasons.append))

    assert reasons == [f"reaper failed {module._MOST_FAILURES} times in a row"]


def test_a_failure_after_a_long_time_at_work_counts_as_the_first_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_STEADY_SECONDS", 0)
    reasons: list[str] = []

    async def scenario() -> None:
        work = Work(3 * module._MOST_FAILURES, surprise)
        keeping = asyncio.create_task(keep_running("reaper", work.run, reasons.append))
        await until(work.at_work.is_set, "the duty is at work")
        keeping.cancel()
        await asyncio.wait([keeping])

    with capture_logs():
        play(scenario())

    assert reasons == []


def broken() -> None:
    raise RecursionError("too deep")


def test_a_consumer_that_dies_ends_the_worker_with_a_status_and_its_cause_in_the_log() -> None:
    end = Shutdown()

    with capture_logs() as said:
        thread = Thread(target=consume, args=(broken, end))
        thread.start()
        thread.join()

    assert (end.stop.is_set(), end.status) == (True, 1)
    failed, gives_up = said
    assert (failed["event"], failed["exc_info"]) == ("consumer failed", True)
    assert "too deep" in gives_up["reason"]


def test_a_consumer_that_ends_after_the_signal_is_no_fault() -> None:
    end = Shutdown()
    end.stop.set()

    with capture_logs() as said:
        consume(lambda: None, end)

    assert (end.status, said) == (0, [])


def test_a_consumer_that_ends_by_itself_is_a_fault() -> None:
    end = Shutdown()

    consume(lambda: None, end)

    assert (end.stop.is_set(), end.status) == (True, 1)
