"""Tells a part that is away from one that is busy, closes the intake for the first, opens it again.

What decides is whether calls succeed: those that work makes anyway, or probes while there are
none or some failed. A refused connection closes the intake at once. Silence closes it only after
several probes and several seconds without any answer: on a busy machine single answers take
long, but not all of them. A slow part lowers the pace instead.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic

import structlog
from httpx import Request, Response

from flows.runtime.adaptive_limit import AdaptiveLimit
from flows.runtime.circuit_breaker import CircuitBreaker, PauseReason
from flows.runtime.resources import WorkerResources, in_thread
from infra.contract.errors import ServiceUnavailable
from infra.http import probe_prefect, probe_prefect_process

log = structlog.get_logger(__name__)

_TURN_SECONDS = 1.0
_QUIET_SECONDS = 3.0  # without any call that succeeded, a part is asked
_ASK_SECONDS = 2.0  # between two probes of a part
_AT_ONCE = 8  # probes that hang: enough that one of the last 15 s is never older than 2 s
_DATABASE_AT_ONCE = 2  # each holds a connection of the pool
_TIMEOUT_SECONDS = 15.0  # of a probe: far above what a busy machine shows
_LIFELESS_SECONDS, _LIFELESS_TURNS = 8.0, 5  # without any answer
_USELESS_SECONDS, _USELESS_TURNS = 20.0, 12  # without an answer that work can use
_SUSPECT_SECONDS = 3.0
_SLOW_SECONDS = 5.0
_FAILURES = 3
_FAILING_SECONDS = 2.0
_SERVER_ERROR = 500
_ASKED_AT = "product_images_asked_at"


@dataclass(slots=True)
class _Silence:
    """How long nothing was heard, in seconds and in turns of this process, which may stand still.

    It is too long when both limits are reached.
    """

    seconds: float
    turns: int
    _heard_at: float = field(default_factory=monotonic)
    _count: int = 0

    def too_long(self, heard_at: float, *, asked: bool) -> bool:
        """Take a turn: note when something was last heard, and whether a probe is under way."""
        if heard_at > self._heard_at:
            self._heard_at = heard_at
            self._count = 0
        elif asked:
            self._count += 1
        return self._count >= self.turns and monotonic() - self._heard_at >= self.seconds


@dataclass(slots=True, eq=False)
class _Part:
    """A part that every job needs. `probe` does what work needs of it, `sign` only shows life."""

    reason: PauseReason
    probe: Callable[[], None]
    answered: Callable[[], float]
    """When a call made by work last succeeded."""
    sign: Callable[[], None] | None = None
    at_once: int = _AT_ONCE
    asked_at: float = float("-inf")
    worked_at: float = field(default_factory=monotonic)
    lived_at: float = field(default_factory=monotonic)
    asking: dict[asyncio.Task[None], float] = field(default_factory=dict)
    without_life: _Silence = field(
        default_factory=lambda: _Silence(_LIFELESS_SECONDS, _LIFELESS_TURNS)
    )
    without_work: _Silence = field(
        default_factory=lambda: _Silence(_USELESS_SECONDS, _USELESS_TURNS)
    )

    def look(self) -> None:
        """Take note of what work has heard of the part meanwhile."""
        self.worked_at = max(self.worked_at, self.answered())
        self.lived_at = max(self.lived_at, self.worked_at)


class DependencyMonitor:
    """Used only from the event loop."""

    def __init__(
        self,
        resources: WorkerResources,
        breaker: CircuitBreaker,
        paces: Sequence[AdaptiveLimit] = (),
    ) -> None:
        """`paces` are lowered while a part is slow."""
        self._resources = resources
        self._breaker = breaker
        self._paces = paces
        self._slow_at = float("-inf")
        self._prefect_worked_at = float("-inf")
        database, store = resources.database, resources.store
        url = resources.configuration.prefect.api_url
        timeout = _TIMEOUT_SECONDS
        parts = (
            _Part(
                PauseReason.DATABASE,
                database.probe,
                lambda: database.answered_at,
                at_once=_DATABASE_AT_ONCE,
            ),
            _Part(PauseReason.STORE, self._probe_store, lambda: store.written_at),
            _Part(
                PauseReason.PREFECT,
                lambda: probe_prefect(url, timeout_seconds=timeout),
                lambda: self._prefect_worked_at,
                lambda: probe_prefect_process(url, timeout_seconds=timeout),
            ),
        )
        self._parts: Mapping[PauseReason, _Part] = {part.reason: part for part in parts}

    def _probe_store(self) -> None:
        """Writes only where that may fail: it costs the store more than a look."""
        store = self._resources.store
        store.probe_writes() if self._is_doubted(self._parts[PauseReason.STORE]) else store.probe()

    async def note_request(self, request: Request) -> None:
        """Note a request to Prefect: a hook for its HTTP client."""
        request.extensions[_ASKED_AT] = monotonic()

    async def note_response(self, response: Response) -> None:
        """Note that Prefect has answered: a hook for its HTTP client."""
        now = monotonic()
        part = self._parts[PauseReason.PREFECT]
        part.lived_at = now
        if response.status_code < _SERVER_ERROR:
            self._prefect_worked_at = now
        if now - response.request.extensions.get(_ASKED_AT, now) > _SLOW_SECONDS:
            self._slow_at = now

    async def suspect(self, reason: PauseReason) -> None:
        """Ask a part that failed a caller; the intake is closed if it certainly is away.

        A part that takes longer than a moment is left to the next turns.
        """
        part = self._parts[reason]
        self._breaker.doubt(reason, "A call failed.")
        asking = list(part.asking) if len(part.asking) >= part.at_once else [self._ask(part)]
        await asyncio.wait(asking, timeout=_SUSPECT_SECONDS, return_when=asyncio.FIRST_COMPLETED)

    async def run(self) -> None:
        """Watch all parts, for ever."""
        while True:
            for part in self._parts.values():
                part.look()
                is_quiet = monotonic() - part.worked_at > _QUIET_SECONDS
                # Also beside a probe that hangs: what comes back may have forgotten that one.
                has_room = len(part.asking) < part.at_once
                may_ask = has_room and monotonic() - part.asked_at >= _ASK_SECONDS
                if may_ask and (is_quiet or self._is_doubted(part)):
                    self._ask(part)
                reason = self._absence(part)
                if reason is not None:
                    self._breaker.pause(part.reason, reason)
            self._set_pace()
            await asyncio.sleep(_TURN_SECONDS * random.uniform(0.8, 1.2))

    def _is_doubted(self, part: _Part) -> bool:
        is_closed = part.reason in self._breaker.reasons
        return is_closed or bool(self._breaker.failures(part.reason, part.worked_at))

    def _absence(self, part: _Part) -> str | None:
        """Return what shows that a part is away, or None while it may only be slow."""
        asked = bool(part.asking)
        is_silent = part.without_life.too_long(part.lived_at, asked=asked)
        is_useless = part.without_work.too_long(part.worked_at, asked=asked)
        seconds = monotonic() - part.worked_at
        if is_silent or is_useless:
            return f"no answer for {seconds:.0f} s"
        failures = self._breaker.failures(part.reason, part.worked_at)
        if len(failures) >= _FAILURES and seconds >= _FAILING_SECONDS:
            return failures[-1]
        return None

    def _set_pace(self) -> None:
        now = monotonic()
        waits = (now - since for part in self._parts.values() for since in part.asking.values())
        if max(waits, default=0) > _SLOW_SECONDS:
            self._slow_at = now
        is_slow = now - self._slow_at < _SLOW_SECONDS
        for start_limit in self._paces:
            start_limit.slow_down() if is_slow else start_limit.speed_up()

    def _ask(self, part: _Part) -> asyncio.Task[None]:
        part.asked_at = monotonic()
        task = asyncio.create_task(self._probe(part))
        part.asking[task] = part.asked_at
        task.add_done_callback(lambda done: part.asking.pop(done, None))
        return task

    async def _probe(self, part: _Part) -> None:
        if part.sign is not None:
            await asyncio.gather(self._look_for_life(part, part.sign), self._try(part))
        else:
            await self._try(part)

    async def _look_for_life(self, part: _Part, sign: Callable[[], None]) -> None:
        if await self._call(part, sign) is None:
            part.lived_at = monotonic()

    async def _try(self, part: _Part) -> None:
        failure = await self._call(part, part.probe)
        reason = part.reason
        if failure is None:
            part.worked_at = part.lived_at = monotonic()
            if self._breaker.may_resume(reason):
                self._breaker.resume(reason)
        elif failure.inconclusive:
            self._breaker.doubt(reason, failure.detail)
        else:
            self._breaker.pause(reason, failure.detail)

    async def _call(self, part: _Part, question: Callable[[], None]) -> ServiceUnavailable | None:
        """Return why the part does not answer, or None when it does."""
        try:
            await in_thread(self._resources.probe_threads, question)
        except ServiceUnavailable as exc:
            return exc
        except Exception as exc:  # a surprise must not end the asking, nor open the intake
            log.exception("part not asked", part=str(part.reason))
            return ServiceUnavailable(part.reason.name, repr(exc), inconclusive=True)
        return None
