"""The pixel pool: child processes that may be killed at any moment, and calls into them.

Each child has a pipe and a keeper thread of its own, so that one death costs one call. Calls wait
by lane: no bulk call begins while an interactive one waits. It must not know what a call does to
pixels, nor Prefect.
"""

import asyncio
import os
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock, Thread
from typing import Self, TypeVar

import structlog

from infra.errors import ErrorCode, ImageRefused, PixelsFailed
from infra.settings import DecoderSettings, PixelSettings
from infra.states import Lane
from tasks.imaging.child import Child, Done, Refused, Work
from tasks.imaging.facts import Limits, Rendition
from tasks.imaging.preset import Preset
from tasks.imaging.render import render
from tasks.pixel_calls import PixelCall, PixelCalls

T = TypeVar("T")

log = structlog.get_logger(__name__)

_EXPECTED_SECONDS = 2.0  # a job's run has begun and a usual supplier has answered by then


class PixelPool:
    """Use it in a `with`: entering returns when all children are ready, leaving kills them."""

    def __init__(self, settings: PixelSettings, decoders: DecoderSettings | None = None) -> None:
        self._limits = Limits(
            max_pixels=settings.max_pixels,
            max_bytes=settings.max_bytes,
            max_frames=settings.max_frames,
            heic=decoders is not None and decoders.heic_enabled,
        )
        processes = settings.processes or usable_cpus()
        self._calls = PixelCalls(processes)
        self._open = False
        self._keepers = [_Keeper(self._calls, settings) for _ in range(processes)]

    def __enter__(self) -> Self:
        try:
            for keeper in self._keepers:
                keeper.launch()  # all at once, then wait for each
            for keeper in self._keepers:
                keeper.start()
        except (EOFError, OSError) as exc:
            self.__exit__()
            detail = "The pixel processes do not start; is PIXEL_MEMORY_BYTES too small?"
            raise PixelsFailed(ErrorCode.DECODER_CRASHED, detail) from exc
        self._open = True
        return self

    def __exit__(self, *_: object) -> None:
        self._open = False
        self._calls.close()
        for keeper in self._keepers:
            keeper.end()

    @property
    def keeps_interactive_waiting(self) -> bool:
        """Whether an interactive call waits for a free child."""
        return self._calls.waiting(Lane.INTERACTIVE) > 0

    def expect_interactive(self) -> None:
        """Keep a child free of bulk calls: an interactive job has begun that will soon need one.

        Bulk has it again when that call came, or did not come within two seconds.
        """
        self._calls.expect_interactive(_EXPECTED_SECONDS)

    async def render(
        self,
        source: Path,
        directory: Path,
        preset: Preset,
        *,
        lane: Lane = Lane.INTERACTIVE,
    ) -> Rendition:
        """Make the variants of `source` in `directory`; cancelling kills the work.

        Raises `ImageRefused` (permanent: not acceptable, too slow, too much memory) or
        `PixelsFailed` (transient: the child died). Waiting for a free child does not count
        against the timeout.
        """
        call = self.submit(
            partial(render, limits=self._limits), source, directory, preset, lane=lane
        )
        return await asyncio.wrap_future(call)

    def submit(
        self, function: Callable[..., T], *arguments: object, lane: Lane = Lane.INTERACTIVE
    ) -> Future[T]:
        """Call a picklable function in a child; cancelling the future kills the work."""
        if not self._open:
            raise RuntimeError("the pixel pool is not open")
        future: Future[T] = Future()
        self._calls.put(PixelCall(pickle.dumps(Work(function, arguments)), future), lane)
        return future


class _Keeper:
    """A thread that keeps one child alive and passes it one call at a time."""

    def __init__(self, calls: PixelCalls, settings: PixelSettings) -> None:
        self._calls = calls
        self._settings = settings
        self._thread = Thread(target=self._run, name="pixel-keeper", daemon=True)
        self._lock = Lock()  # around the three below: other threads abort and end
        self._child: Child | None = None
        self._current: PixelCall | None = None
        self._ending = False

    def launch(self) -> Child:
        """Start a child, without waiting until it is ready."""
        child = Child(self._settings.memory_bytes)
        with self._lock:
            self._child = child
        return child

    def start(self) -> None:
        """Wait for the launched child, then serve calls."""
        if self._child is not None:
            self._child.wait_ready()
        self._thread.start()

    def end(self) -> None:
        """Kill the work in hand and stop."""
        with self._lock:
            self._ending = True
            if self._child is not None:
                self._child.kill()
        if self._thread.is_alive():
            self._thread.join()
        self._drop_child()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            if not call.future.cancelled():
                answer = self._ask(call)
                self._settle(call, answer)
            self._replace_child()
            self._calls.end(call)

    def _ask(self, call: PixelCall) -> Done | Refused:
        try:
            child = self._living_child()
            with self._abortable(call):
                return child.ask(call.work, self._settings.timeout_seconds)
        except TimeoutError:
            self._drop_child()
            return Refused(_too_slow(self._settings.timeout_seconds))
        except (EOFError, OSError):
            self._drop_child()
            return Refused(_crashed())

    def _settle(self, call: PixelCall, answer: Done | Refused) -> None:
        try:
            if isinstance(answer, Done):
                call.future.set_result(answer.value)
            else:
                call.future.set_exception(answer.error)
        except InvalidStateError:
            self._drop_child()  # cancelled: the kill is on its way and must not hit the next call

    @contextmanager
    def _abortable(self, call: PixelCall) -> Iterator[None]:
        """While inside, cancelling the call kills the child."""
        with self._lock:
            self._current = call
        call.future.add_done_callback(lambda _: self._abort(call))
        try:
            yield
        finally:
            with self._lock:
                self._current = None

    def _abort(self, call: PixelCall) -> None:
        with self._lock:
            if self._current is call and self._child is not None:
                self._child.kill()

    def _living_child(self) -> Child:
        child = self._child
        if child is not None and not child.is_gone():
            return child
        self._drop_child()
        child = self.launch()
        child.wait_ready()
        return child

    def _replace_child(self) -> None:
        """Have a lost child's successor ready before the next call asks for it."""
        if self._ending or self._child is not None:
            return
        try:
            self._living_child()
        except (EOFError, OSError) as exc:
            self._drop_child()  # the next call tries again
            if not self._ending:
                log.warning("pixel process does not start", error=repr(exc))

    def _drop_child(self) -> None:
        with self._lock:
            child, self._child = self._child, None
        if child is not None:
            child.bury()


def _crashed() -> PixelsFailed:
    detail = "The process that decoded the picture died; the picture is tried again."
    return PixelsFailed(ErrorCode.DECODER_CRASHED, detail)


def _too_slow(timeout_seconds: float) -> ImageRefused:
    """Permanent: a picture that takes so long once would take it again, on every retry."""
    detail = f"The picture was not done within {timeout_seconds:g} seconds."
    return ImageRefused(ErrorCode.DECODE_TIMEOUT, detail)


def usable_cpus() -> int:
    """Return the CPUs that this process may use, which a container limits below the machine's."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
