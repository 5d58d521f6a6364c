"""The one question before each request to a supplier: may this host be asked now?

Asks Redis, or this process while Redis is away. It never waits for a host.
"""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import structlog

from infra.cache import Cache
from infra.contract.errors import ErrorCode, FetchFailed, HostBusy, ServiceUnavailable
from infra.host_limits.local_limits import LocalHostLimits
from infra.host_limits.policy import Admission, DenyReason, HostPolicy, HostSignal, Outcome
from infra.host_limits.redis_limits import RedisHostLimits

log = structlog.get_logger(__name__)

_LOOKED_AT = 100
_PAUSE_SECONDS = 5.0  # how long Redis is left alone after it did not answer
_SENTENCES = {
    DenyReason.BUSY: "{host} has as many requests under way as it gets at the same time.",
    DenyReason.RATE: "{host} had as many requests as it gets in this time.",
    DenyReason.SILENT: "{host} asked for a pause.",
}


@dataclass(slots=True)
class HostSlot:
    """One request under way; who makes it notes here what came of it."""

    signal: HostSignal = HostSignal.NOTHING
    code: str = "broken_off"
    bytes: int = 0
    retry_after_seconds: float | None = None


class HostLimiter:
    """Safe to share between threads.

    Without a cache, each process keeps its own number of requests and the pauses that it saw.
    """

    def __init__(self, policy: HostPolicy, cache: Cache | None = None) -> None:
        self._here = LocalHostLimits(policy)
        self._shared = RedisHostLimits(cache, policy) if cache is not None else None
        self._redis_from = 0.0

    @contextmanager
    def slot(self, host: str) -> Iterator[HostSlot]:
        """Hold a slot of the host during the block, and note the visit at its end.

        Raises `HostBusy` when the host may not be asked yet, `FetchFailed` with the code
        `host_unavailable` when it did not answer several times in a row.
        """
        token = uuid4().hex
        admission = self._enter(host, token)
        if admission.hold is DenyReason.OPEN:
            why = f" ({admission.last_error})" if admission.last_error else ""
            detail = (
                f"{host} failed several times in a row{why}; it is asked again in "
                f"{admission.wait_seconds:.0f} s."
            )
            raise FetchFailed(ErrorCode.HOST_UNAVAILABLE, detail)
        if admission.hold is not None:
            sentence = _SENTENCES[admission.hold].format(host=host)
            raise HostBusy(host, sentence, admission.wait_seconds)
        started = time.monotonic()
        slot = HostSlot()
        try:
            yield slot
        finally:
            outcome = Outcome(
                signal=slot.signal,
                code=slot.code,
                bytes=slot.bytes,
                duration_seconds=time.monotonic() - started,
                retry_after_seconds=slot.retry_after_seconds,
                jitter=random.uniform(0.5, 1),
            )
            shared, told = self._present(), None
            if shared is not None:  # also of a visit that Redis did not let in
                try:
                    told = shared.leave(host, token, outcome)
                except ServiceUnavailable:  # the slot there ends with its lease
                    self._note_absence()
            self._here.leave(host, token, outcome, told=told)

    def turn(self, host: str) -> float:
        """Take a place in the host's queue; return the seconds until it may be its turn."""
        shared = self._present()
        if shared is not None:
            try:
                return shared.turn(host)
            except ServiceUnavailable:
                self._note_absence()
        return self._here.turn(host)

    def paused(self) -> dict[str, float]:
        """Return the seconds until each paused host of the last hundred is asked again.

        Empty while Redis is away.
        """
        shared = self._present()
        if shared is None:
            return {}
        try:
            views = shared.views(_LOOKED_AT)
        except ServiceUnavailable:
            self._note_absence()
            return {}
        ends = {view.host: max(view.silent_until or 0, view.open_until or 0) for view in views}
        now = time.time()  # Redis' clock is only seconds off, if at all
        return {host: end - now for host, end in ends.items() if end > now}

    def _enter(self, host: str, token: str) -> Admission:
        shared = self._present()
        if shared is None:
            return self._here.enter(host, token)
        memory = self._here.reserve(host, token)
        try:
            admission = shared.enter(host, token, memory)
        except ServiceUnavailable:
            self._note_absence()
            self._here.release(host, token)
            return self._here.enter(host, token)
        self._here.settle(host, token, admission)
        return admission

    def _present(self) -> RedisHostLimits | None:
        return self._shared if time.monotonic() >= self._redis_from else None

    def _note_absence(self) -> None:
        self._redis_from = time.monotonic() + _PAUSE_SECONDS
        log.warning("source hosts are counted in this process", reason="Redis is away")
