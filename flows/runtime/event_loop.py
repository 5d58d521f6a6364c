"""The warm runner: an event loop in a thread of its own, with Prefect's clients kept open.

The loop does not live in the main thread, because Prefect's engine replaces the SIGTERM
handler of a loop that does, and a signal would kill runs midway. Clients stay open, because
every run would otherwise build two TLS contexts.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self, TypeVar

import structlog
from prefect import Flow, State
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.context import AsyncClientContext, SyncClientContext
from prefect.flow_engine import run_flow_async

T = TypeVar("T")
log = structlog.get_logger(__name__)

_CANCEL_SECONDS = 5.0
_LEAVE_SECONDS = 20.0

Hook = Callable[[Any], Coroutine[Any, Any, None]]
"""Called with an httpx request or response."""
Work = Callable[[], Coroutine[Any, Any, None]]


class FlowRunner:
    """Runs coroutines handed over from any thread, all inside one Prefect client context."""

    def __init__(self, on_death: Callable[[str], None] = lambda _: None) -> None:
        """`on_death` is called, in the loop's thread, with the reason of its unexpected end."""
        self._on_death = on_death
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        self._inbox: asyncio.Queue[Work] = asyncio.Queue()
        self._working: set[asyncio.Task[None]] = set()
        self._ready = Event()
        self._client: PrefectClient | None = None
        self._failure: BaseException | None = None
        self._thread = Thread(target=self._run, name="flows", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.is_alive:
            self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(_LEAVE_SECONDS)  # a daemon: it ends with the process at the latest

    @property
    def is_alive(self) -> bool:
        """Whether the loop has not ended by itself."""
        return self._failure is None

    @property
    def client(self) -> PrefectClient:
        """The open client, for use inside the loop."""
        if self._client is None:
            raise RuntimeError("the runner is not running")
        return self._client

    def observe(self, *, asked: Hook, answered: Hook) -> None:
        """Have hooks called before each request to Prefect and with each response.

        Prefect's client takes no hooks itself, and a client with settings of its own would not
        be shared with the engine; so they are given to the HTTP client within.
        """
        self.client._client.event_hooks = {"request": [asked], "response": [answered]}  # noqa: SLF001 - see above

    def spawn(self, work: Work) -> None:
        """Start a coroutine in the loop's own context. Callable from any thread."""
        self._loop.call_soon_threadsafe(self._inbox.put_nowait, work)

    def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
        """Start a coroutine like `spawn` and return a future for another thread to wait on."""
        result: Future[T] = Future()

        async def deliver() -> None:
            try:
                result.set_result(await work())
            except BaseException as exc:
                result.set_exception(exc)
                raise

        self.spawn(deliver)
        return result

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._main())
        except BaseException as exc:
            self._failure = exc
            if self._ready.is_set():  # otherwise the caller of `__enter__` gets it
                log.exception("event loop of flows ended")
                self._on_death(f"the event loop of flows ended: {exc!r}")
            raise
        finally:
            self._ready.set()

    async def _main(self) -> None:
        """Start work here: a task inherits the context, and so the open clients, of its maker."""
        with SyncClientContext.get_or_create():
            async with AsyncClientContext.get_or_create() as context:
                self._client = context.client
                self._ready.set()
                receiver = asyncio.create_task(self._receive())
                stopped = asyncio.create_task(self._stopped.wait())
                await asyncio.wait([receiver, stopped], return_when=asyncio.FIRST_COMPLETED)
                has_died = receiver.done()  # it has no end of its own
                stopped.cancel()
                receiver.cancel()
                for _ in range(2):  # a second time what waits for a server that is away
                    for task in list(self._working):
                        task.cancel()
                    if self._working:
                        await asyncio.wait(self._working, timeout=_CANCEL_SECONDS)
                if has_died:
                    receiver.result()

    async def _receive(self) -> None:
        while True:
            work = await self._inbox.get()
            task = asyncio.create_task(work())
            self._working.add(task)
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("work failed", exc_info=task.exception())


async def run_flow_here(flow: Flow[..., Any], flow_run: FlowRun) -> State[Any]:
    """Run a flow run in this process and return its final state.

    The engine is shown the run without its deployment: with one it starts an observer for
    UI suspension that blocks the loop for about 150 ms. The server keeps the link.
    """
    detached = flow_run.model_copy(update={"deployment_id": None})
    state = await run_flow_async(
        flow=flow, flow_run=detached, parameters=flow_run.parameters, return_type="state"
    )
    if not isinstance(state, State):
        raise TypeError(f"the engine returned {state!r} instead of a state")
    return state
