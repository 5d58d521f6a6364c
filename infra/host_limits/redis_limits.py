"""Treats hosts politely together with all other processes: what is known is in Redis.

Every step is one script, so a process that dies between two of them leaves nothing half done;
its slots come back when their leases end.
"""

from infra.cache import Cache
from infra.host_limits.lua import ENTER, LEAVE, LIST, LOOK, RESET, TURN
from infra.host_limits.policy import (
    KEPT_SECONDS,
    LONGEST_QUEUE_SECONDS,
    MICROSECONDS,
    MOST_HOSTS,
    Admission,
    Circuit,
    DenyReason,
    HostPolicy,
    HostSnapshot,
    HostView,
    Outcome,
)

_INDEX = "polite-hosts"
_KEPT_MILLISECONDS = KEPT_SECONDS * 1000
_CODE = "code:"
NOTHING = HostSnapshot()


class RedisHostLimits:
    """Safe to share between threads. Everything raises `ServiceUnavailable` when Redis is away."""

    def __init__(self, cache: Cache, policy: HostPolicy) -> None:
        self._policy = policy
        self._enter, self._leave = cache.script(ENTER), cache.script(LEAVE)
        self._turn, self._reset = cache.script(TURN), cache.script(RESET)
        self._look, self._list = cache.script(LOOK), cache.script(LIST)

    def enter(self, host: str, token: str, memory: HostSnapshot = NOTHING) -> Admission:
        """Take a slot of the host under a token of the caller's, or say why there is none.

        `memory` is believed where Redis cannot know better.
        """
        policy = self._policy
        hold, wait, error = self._enter(
            _keys(host),
            (
                token,
                0 if memory.full else policy.concurrency,
                _micro(policy.lease_seconds),
                policy.window_microseconds,
                policy.step_microseconds,
                _KEPT_MILLISECONDS,
                _micro(memory.silent_seconds),
                _micro(memory.open_seconds),
                int(memory.untold),
            ),
        )
        if not hold:
            return Admission()
        return Admission(DenyReason(hold.decode()), int(wait) / MICROSECONDS, error.decode())

    def leave(self, host: str, token: str, outcome: Outcome) -> HostSnapshot:
        """Give the slot back, and note what came of the request; return the host's pauses."""
        asked = outcome.retry_after_seconds
        policy = self._policy
        silent, opened = self._leave(
            (*_keys(host), _INDEX),
            (
                token,
                outcome.signal,
                outcome.code,
                outcome.bytes,
                _micro(outcome.duration_seconds),
                -1 if asked is None else _micro(asked),
                outcome.jitter,
                _micro(policy.backoff_seconds),
                _micro(policy.backoff_max_seconds),
                policy.breaker_failures,
                _micro(policy.breaker_seconds),
                _micro(policy.breaker_max_seconds),
                _KEPT_MILLISECONDS,
                host,
                int(outcome.is_error),
                MOST_HOSTS,
            ),
        )
        return HostSnapshot(int(silent) / MICROSECONDS, int(opened) / MICROSECONDS)

    def turn(self, host: str) -> float:
        """Take a place in the host's queue; return the seconds until it may be its turn."""
        policy = self._policy
        arguments = (
            policy.concurrency,
            policy.step_microseconds,
            _micro(LONGEST_QUEUE_SECONDS),
            _KEPT_MILLISECONDS,
        )
        return int(self._turn(_keys(host)[:1], arguments)) / MICROSECONDS

    def reset(self, host: str) -> bool:
        """Close the circuit and end the silence; False when nothing is known of the host."""
        return bool(self._reset(_keys(host)[:1], ()))

    def view(self, host: str) -> HostView | None:
        """Return what is known of the host; None when it was not asked lately."""
        pairs, active, now, asked = self._look((*_keys(host), _INDEX), (host,))
        if not asked:
            return None
        texts = [part.decode() for part in pairs]
        fields = dict(zip(texts[::2], texts[1::2], strict=True))

        def moment(name: str) -> float:  # 0: never
            return float(fields.get(name, 0)) / MICROSECONDS

        seconds, requests = int(now) / MICROSECONDS, int(fields.get("requests", 0))
        open_until, silent_until = moment("open_until"), moment("silent_until")
        circuit = Circuit.HALF_OPEN if open_until else Circuit.CLOSED
        if open_until > seconds:
            circuit = Circuit.OPEN
        return HostView(
            host=host,
            circuit=circuit,
            requests=requests,
            bytes=int(fields.get("bytes", 0)),
            outcomes={
                name.removeprefix(_CODE): int(count)
                for name, count in sorted(fields.items())
                if name.startswith(_CODE)
            },
            active=int(active),
            mean_seconds=moment("busy") / requests if requests else None,
            last_error=fields.get("last_error"),
            last_error_at=moment("last_error_at") if "last_error_at" in fields else None,
            last_asked_at=float(asked) / MICROSECONDS,
            silent_until=silent_until if silent_until > seconds else None,
            open_until=open_until if open_until > seconds else None,
        )

    def views(self, limit: int) -> list[HostView]:
        """Return what is known of the hosts that were asked last, the latest first."""
        hosts = [name.decode() for name in self._list((_INDEX,), (limit,))]
        return [view for host in hosts if (view := self.view(host)) is not None]


def _keys(host: str) -> tuple[str, str]:
    return f"polite-host:{host}", f"polite-slots:{host}"


def _micro(seconds: float) -> int:
    return max(0, round(seconds * MICROSECONDS))
