"""The warm runner: a loop in a thread that outlives failing work and can always be left."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from flows.runtime import event_loop as module
from flows.runtime.event_loop import FlowRunner
from tests.waiting import eventually

CLIENT = object()
SECONDS = 5


@contextmanager
def sync_client() -> Iterator[None]:
    yield


@asynccontextmanager
async def async_client() -> AsyncIterator[SimpleNamespace]:
    yield SimpleNamespace(client=CLIENT)


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that need no Prefect server, and no patience with whoever ignores the end."""
    monkeypatch.setattr(module, "SyncClientContext", SimpleNamespace(get_or_create=sync_client))
    monkeypatch.setattr(module, "AsyncClientContext", SimpleNamespace(get_or_create=async_client))
    monkeypatch.setattr(module, "_CANCEL_SECONDS", 0.05)


def test_work_runs_in_a_thread_of_its_own_with_the_open_client() -> None:
    async def work() -> tuple[object, str]:
        return runner.client, threading.current_thread().name

    with FlowRunner() as runner:
        assert runner.call(work).result(SECONDS) == (CLIENT, "flows")


def test_work_that_raises_is_logged_and_the_loop_goes_on() -> None:
    async def fail() -> None:
        raise LookupError("nothing there")

    async def succeed() -> str:
        return "done"

    with capture_logs() as said, FlowRunner() as runner:
        runner.spawn(fail)
        assert runner.call(succeed).result(SECONDS) == "done"
        eventually(lambda: said, "the failure in the log", seconds=SECONDS)

    (line,) = said
    assert (line["event"], line["log_level"]) == ("work failed", "error")
    assert isinstance(line["exc_info"], LookupError)


def test_whoever_called_is_told_the_error() -> None:
    async def fail() -> None:
        raise LookupError("nothing there")

    with FlowRunner() as runner, pytest.raises(LookupError, match="nothing there"):
        runner.call(fail).result(SECONDS)


def test_leaving_cancels_what_still_works_without_calling_it_a_failure() -> None:
    ended: list[str] = []
    began = threading.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    with capture_logs() as said, FlowRunner() as runner:
        waiting = runner.call(work)
        assert began.wait(SECONDS)

    assert ended == ["cancelled"]
    assert said == []
    with pytest.raises(asyncio.CancelledError):
        waiting.result(SECONDS)


def test_a_task_that_ignores_the_first_cancel_is_cancelled_again_before_the_clients_close(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events: list[str] = []
    began = threading.Event()

    @asynccontextmanager
    async def closing_client() -> AsyncIterator[SimpleNamespace]:
        yield SimpleNamespace(client=CLIENT)
        events.append("closed")

    async def stubborn() -> None:
        began.set()
        for _ in range(2):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                events.append("cancelled")

    monkeypatch.setattr(module, "AsyncClientContext", SimpleNamespace(get_or_create=closing_client))
    with FlowRunner() as runner:
        runner.spawn(stubborn)
        assert began.wait(SECONDS)

    assert events == ["cancelled", "cancelled", "closed"]


def test_a_runner_that_cannot_begin_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError("no such certificate")

    monkeypatch.setattr(module, "SyncClientContext", SimpleNamespace(get_or_create=refuse))
    monkeypatch.setattr(threading, "excepthook", lambda _: None)

    with pytest.raises(OSError, match="no such certificate"), FlowRunner():
        pass


def test_a_loop_that_ends_by_itself_is_told_and_can_still_be_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    reasons: list[str] = []

    def no_coroutine() -> None:
        raise LookupError("nothing to await")

    with capture_logs() as said, FlowRunner(reasons.append) as runner:
        runner.spawn(no_coroutine)  # type: ignore[arg-type]  # the point of the test
        eventually(lambda: reasons, "the end is told", seconds=SECONDS)
        eventually(lambda: not runner.is_alive, "the runner knows", seconds=SECONDS)

    assert "nothing to await" in reasons[0]
    assert said[-1]["event"] == "event loop of flows ended"
