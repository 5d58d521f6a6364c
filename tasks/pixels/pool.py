"""The pixel pool: contained child processes that may be killed at any moment, and calls into them.

Each child has a connection, a folder and a keeper thread of its own, so that one death costs one
call. Calls wait by lane: no bulk call begins while an interactive one waits. It must not know what
a call does to pixels, nor Prefect.
"""

import asyncio
import pickle
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, Self, TypeVar

import structlog

from infra.contract.errors import ErrorCode, ImageRefused, PixelsFailed, ProductImagesError
from infra.contract.states import Lane
from infra.settings.sections import DecoderSettings, PixelSettings
from tasks.imaging.errors import too_many_bytes
from tasks.imaging.formats.detect import HEADER_BYTES
from tasks.imaging.models import Limits, Rendition
from tasks.imaging.pipeline import render
from tasks.imaging.presets.model import Preset
from tasks.pixels.answers import Untrue, read_answer, receive_rendition
from tasks.pixels.cpus import usable_cpus
from tasks.pixels.folder import SOURCE, Copied, Folder, Workplace
from tasks.pixels.priority_queue import PixelCall, PixelCalls
from tasks.pixels.process import Budget, Child, CpuTimeSpent, ForkServer, Starved
from tasks.pixels.serve import Work

T = TypeVar("T")

log = structlog.get_logger(__name__)

_EXPECTED_SECONDS = 2.0  # a job's run has begun and a usual supplier has answered by then
_STARVED_PAUSE_SECONDS = 60.0  # longer than a step waits: the job goes back to the queue
_PAUSE_SECONDS = 0.1  # before a keeper that met a surprise goes on
_SURPRISE = "The image could not be given to a pixel process; the worker's log says why."
_PIPELINE = ("tasks.imaging.pipeline",)
_HERE = Path()  # a child's working directory is its folder


class PixelPool:
    """Use it in a `with`: entering returns when all children are ready, leaving kills them.

    The children's folders lie in `directory`. They load `modules` before they are confined,
    besides the pipeline: functions of other modules cannot be called.
    """

    def __init__(
        self,
        settings: PixelSettings,
        decoders: DecoderSettings | None = None,
        *,
        directory: Path | None = None,
        modules: Sequence[str] = (),
    ) -> None:
        self._settings = settings
        self._limits = Limits(
            max_pixels=settings.max_pixels,
            max_bytes=settings.max_bytes,
            max_frames=settings.max_frames,
            heic=decoders is not None and decoders.heic_enabled,
        )
        self._processes = settings.processes or usable_cpus()
        self._calls = PixelCalls(self._processes)
        self._server = ForkServer((*_PIPELINE, *modules))
        self._directory = directory
        self._resources = ExitStack()
        self._keepers: list[_Keeper] = []
        self._open = False

    def __enter__(self) -> Self:
        workplace = self._resources.enter_context(Workplace(self._directory))
        self._resources.callback(self._server.close)
        budget = Budget(self._settings.timeout_seconds, self._settings.wall_seconds)
        memory_bytes = self._settings.memory_bytes
        hire = partial(
            Child, self._server, workplace.path, memory_bytes=memory_bytes, budget=budget
        )
        self._keepers = [_Keeper(self._calls, self._settings, hire) for _ in range(self._processes)]
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
        self._resources.close()

    @property
    def confinement(self) -> Mapping[str, bool]:
        """Which measures hold a child in, as one of them tried when it started."""
        return self._keepers[0].confinement

    @property
    def size(self) -> int:
        """Return how many children there are."""
        return self._processes

    @property
    def busy(self) -> int:
        """Return how many children are at work."""
        return sum(keeper.is_busy for keeper in self._keepers)

    def waiting(self, lane: Lane) -> int:
        """Return how many calls of a lane wait for a child."""
        return self._calls.waiting(lane)

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

        Raises `ImageRefused` (permanent: not acceptable, too much CPU time or memory) or
        `PixelsFailed` (transient: the child died, or got too little CPU time). Waiting for a free
        child does not count against the limits.
        """
        function = partial(render, limits=self._limits)
        order = _Rendering(function, (_HERE, preset), source=source, directory=directory)
        return await asyncio.wrap_future(self._put(order, lane))

    def submit(
        self,
        function: Callable[..., object],
        *arguments: object,
        source: Path | None = None,
        answer: type[T] = Any,  # type: ignore[assignment]  # any value of JSON
        lane: Lane = Lane.INTERACTIVE,
    ) -> Future[T]:
        """Call a picklable function in a child; cancelling the future kills the work.

        A copy of `source` is its first argument. It answers with data: what JSON can hold, or the
        dataclass `answer` of such.
        """
        return self._put(_Order(function, arguments, source=source, answer=answer), lane)

    def _put(self, order: "_Order", lane: Lane) -> Future[Any]:
        if not self._open:
            raise RuntimeError("the pixel pool is not open")
        future: Future[Any] = Future()
        self._calls.put(PixelCall(order, future), lane)
        return future


@dataclass(frozen=True, slots=True)
class _Order:
    """A call: the files for the child's folder, the request, the allowed answers."""

    function: Callable[..., object]
    arguments: tuple[object, ...]
    source: Path | None = None
    answer: Any = Any
    directory: Path = _HERE

    def put(self, folder: Folder, max_bytes: int) -> Copied | None:
        """Put the source into the folder; raise `ImageRefused` or `PixelsFailed`."""
        if self.source is None:
            return None
        try:
            size = self.source.stat().st_size
            if size > max_bytes:
                raise too_many_bytes(size, max_bytes)
            return folder.put_source(self.source, HEADER_BYTES)
        except OSError as exc:
            detail = "The fetched file is gone before its image was made, or the disk is full."
            raise PixelsFailed(ErrorCode.INTERNAL_ERROR, detail) from exc

    def work(self, cpu_seconds: float) -> bytes:
        """Return what is sent to the child."""
        source = () if self.source is None else (Path(SOURCE),)
        return pickle.dumps(Work(self.function, (*source, *self.arguments), cpu_seconds))

    def receive(self, answer: bytes, folder: Folder, source: Copied | None) -> object:  # noqa: ARG002 - for files
        """Return the value; raise the error in the answer, or `Untrue`."""
        value: object = read_answer(answer, self.answer)
        return value


@dataclass(frozen=True, slots=True)
class _Rendering(_Order):
    """A call that makes files, which go to `directory`; its last argument is the preset."""

    def receive(self, answer: bytes, folder: Folder, source: Copied | None) -> object:
        """Return the `Rendition`."""
        preset = self.arguments[-1]
        if source is None or not isinstance(preset, Preset):
            raise TypeError("a rendering has a source and a preset")
        return receive_rendition(
            answer, folder, source=source, preset=preset, directory=self.directory
        )


class _Keeper:
    """A thread that keeps one child alive and passes it one call at a time."""

    def __init__(
        self, calls: PixelCalls, settings: PixelSettings, hire: Callable[[], Child]
    ) -> None:
        self._calls = calls
        self._settings = settings
        self._hire = hire
        self._thread = Thread(target=self._run, name="pixel-keeper", daemon=True)
        self._lock = Lock()  # around the two below: other threads abort and end
        self._child: Child | None = None
        self._current: PixelCall | None = None
        self._ending = Event()
        self.confinement: Mapping[str, bool] = {}

    @property
    def is_busy(self) -> bool:
        """Whether its child works on a call."""
        return self._current is not None

    def launch(self) -> Child:
        """Start a child, without waiting until it is ready."""
        child = self._hire()
        with self._lock:
            self._child = child
        return child

    def start(self) -> None:
        """Wait for the launched child, then serve calls."""
        if self._child is not None:
            self._greet(self._child)
        self._thread.start()

    def end(self) -> None:
        """Kill the work in hand and stop."""
        with self._lock:
            self._ending.set()
            if self._child is not None:
                self._child.kill()
        if self._thread.is_alive():
            self._thread.join()
        self._drop_child()

    def _run(self) -> None:
        """Serve calls to the end; whatever goes wrong costs one call and never the thread."""
        while (call := self._calls.get()) is not None:
            try:
                if not call.future.cancelled():
                    call.context.run(self._serve, call)
                self._replace_child()
            except Exception:  # a bug, or a machine without threads and memory: other calls go on
                log.exception("pixel call failed by surprise", **call.named)
                error = PixelsFailed(ErrorCode.INTERNAL_ERROR, _SURPRISE)
                self._settle(call.future.set_exception, error)
                with suppress(Exception):  # what surprised may do so again; the slot must live on
                    self._drop_child()
                self._ending.wait(_PAUSE_SECONDS)  # then the next call gets another
            finally:
                self._calls.end(call)

    def _serve(self, call: PixelCall) -> None:
        try:
            value = self._ask(call)
        except ProductImagesError as error:
            self._settle(call.future.set_exception, error)
        else:
            self._settle(call.future.set_result, value)

    def _settle(self, settle: Callable[[Any], None], outcome: object) -> None:
        try:
            settle(outcome)
        except InvalidStateError:
            self._drop_child()  # cancelled: the kill is on its way and must not hit the next call

    def _ask(self, call: PixelCall) -> object:
        """Return the value of the answer; raise one of our errors."""
        order: _Order = call.work
        try:
            child = self._living_child()
            with self._abortable(call):
                source = order.put(child.folder, self._settings.max_bytes)
                answer = child.ask(order.work(self._settings.timeout_seconds))
                value = order.receive(answer, child.folder, source)
                child.folder.clear()
        except CpuTimeSpent:
            log.warning("pixel process was killed", reason="too much CPU time")
            self._drop_child()
            raise _too_slow(self._settings.timeout_seconds) from None
        except Starved:
            log.warning("pixel process was killed", reason="too little CPU time")
            self._drop_child()
            # That the machine had no time for an image says nothing about the image. The pause
            # parks the job, so that no slot is taken up by a second try at once.
            detail = (
                f"The image was not done within {self._settings.wall_seconds:g} seconds, in "
                "which its process got too little CPU time; the image is tried again."
            )
            raise PixelsFailed(ErrorCode.DECODER_CRASHED, detail, _STARVED_PAUSE_SECONDS) from None
        except Untrue as exc:
            log.warning("pixel process lied and was killed", reason=str(exc))
            self._drop_child()
            raise _crashed() from exc
        except (EOFError, OSError) as exc:
            ended_by = self._drop_child()
            if not (call.future.cancelled() or self._ending.is_set()):
                log.warning("pixel process died", signal=ended_by)
            if ended_by == signal.SIGXCPU:  # this process itself was stopped meanwhile
                raise _too_slow(self._settings.timeout_seconds) from exc
            raise _crashed() from exc
        return value

    @contextmanager
    def _abortable(self, call: PixelCall) -> Iterator[None]:
        """While inside, cancelling the call kills the child."""

        def abort(_: object) -> None:
            with self._lock:
                if self._current is call and self._child is not None:
                    self._child.kill()

        with self._lock:
            self._current = call
        call.future.add_done_callback(abort)
        try:
            yield
        finally:
            with self._lock:
                self._current = None

    def _living_child(self) -> Child:
        child = self._child
        if child is not None and not child.is_gone() and not child.is_worn():
            return child
        self._drop_child()
        child = self.launch()
        self._greet(child)
        return child

    def _greet(self, child: Child) -> None:
        try:
            self.confinement = read_answer(child.wait_ready(), dict[str, bool])
        except Untrue as exc:
            raise EOFError("a pixel process did not start") from exc

    def _replace_child(self) -> None:
        """Have a lost child's successor ready before the next call asks for it."""
        if self._ending.is_set() or self._child is not None:
            return
        try:
            self._living_child()
        except (EOFError, OSError) as exc:
            self._drop_child()  # the next call tries again
            if not self._ending.is_set():
                log.warning("pixel process does not start", error=repr(exc))

    def _drop_child(self) -> int:
        """Kill the child, if there is one; return the signal that had ended it, 0 if unknown."""
        with self._lock:
            child, self._child = self._child, None
        return 0 if child is None else child.bury()


def _crashed() -> PixelsFailed:
    detail = "The process that decoded the image died; the image is tried again."
    return PixelsFailed(ErrorCode.DECODER_CRASHED, detail)


def _too_slow(cpu_seconds: float) -> ImageRefused:
    """Permanent: an image that takes so much CPU time once would take it again, on every retry."""
    detail = f"The image was not done within {cpu_seconds:g} seconds of CPU time."
    return ImageRefused(ErrorCode.DECODE_TIMEOUT, detail)
