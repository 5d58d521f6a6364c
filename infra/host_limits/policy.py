"""How a source host is treated, and what is said about one request to it.

A host is written `name:port`. It has no clock and keeps nothing.
"""

from dataclasses import dataclass
from enum import StrEnum

from infra.settings.sections import FetchSettings

MICROSECONDS = 1_000_000
LONGEST_QUEUE_SECONDS = 600.0  # beyond it, later requests share the last place of a host's queue
KEPT_SECONDS = 7 * 86_400  # how long a host is remembered after its last request
MOST_HOSTS = 10_000  # strangers choose hosts: those asked longest ago are forgotten first

FINE = frozenset({"ok", "not_modified", "redirect"})
"""Codes of requests that went as they should."""

_LEASE_MARGIN_SECONDS = 5.0  # above the longest fetch
_MOST_DOUBLED = 16  # times as long is a dead host left alone at most


class DenyReason(StrEnum):
    """Why a host may not be asked now."""

    BUSY = "busy"  # as many requests as it gets at the same time
    RATE = "rate"  # as many requests as it gets in this time
    SILENT = "silent"  # it asked for a pause
    OPEN = "open"  # it did not answer several times; the circuit is open


class HostSignal(StrEnum):
    """What a request says about its host."""

    ALIVE = "alive"
    OVERLOADED = "overloaded"  # 429 or 503
    UNREACHABLE = "unreachable"
    NOTHING = "nothing"  # broken off by us, or never asked


class Circuit(StrEnum):
    """Whether a host is asked at all."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"  # the next request finds out


@dataclass(frozen=True, slots=True)
class HostPolicy:
    """The numbers of the rules, the same for every host. Times in seconds."""

    concurrency: int
    rate_per_second: float
    backoff_seconds: float
    backoff_max_seconds: float
    breaker_failures: int
    breaker_seconds: float
    lease_seconds: float

    @classmethod
    def of(cls, settings: FetchSettings) -> "HostPolicy":
        """Read the settings; a slot is held for longer than a fetch can last."""
        return cls(
            concurrency=settings.host_concurrency,
            rate_per_second=settings.host_rate_per_second,
            backoff_seconds=settings.host_backoff_seconds,
            backoff_max_seconds=settings.host_backoff_max_seconds,
            breaker_failures=settings.host_breaker_failures,
            breaker_seconds=settings.host_breaker_seconds,
            lease_seconds=settings.total_timeout_seconds + _LEASE_MARGIN_SECONDS,
        )

    @property
    def step_microseconds(self) -> int:
        """The time that one request takes of the rate."""
        return max(1, round(MICROSECONDS / self.rate_per_second))

    @property
    def window_microseconds(self) -> int:
        """How far requests may run ahead of the rate: a second's worth, at least one."""
        return self.step_microseconds * max(1, round(self.rate_per_second))

    @property
    def breaker_max_seconds(self) -> float:
        """The longest time for which a dead host is left alone."""
        return self.breaker_seconds * _MOST_DOUBLED


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a host may be asked now; if not, why, and in about how many seconds it may be.

    `last_error` is the code of the host's last failure, for an open circuit.
    """

    hold: DenyReason | None = None
    wait_seconds: float = 0.0
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class HostSnapshot:
    """What one process knows of a host by itself; of pauses, the seconds that are left.

    `untold` says that Redis was away when the process learned of a pause, `full` that the
    process alone has as many requests under way as the host gets. `last_error` is the code of the
    last failure that the process saw.
    """

    silent_seconds: float = 0.0
    open_seconds: float = 0.0
    untold: bool = False
    full: bool = False
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one request: a code, and what it says about the host.

    `jitter` between 0.5 and 1 shortens pauses, so that not all workers come back at once.
    """

    signal: HostSignal
    code: str
    bytes: int = 0
    duration_seconds: float = 0.0
    retry_after_seconds: float | None = None
    jitter: float = 1.0

    @property
    def is_error(self) -> bool:
        """Whether the code is worth showing as the host's last error."""
        return self.code not in FINE and self.signal is not HostSignal.NOTHING


@dataclass(frozen=True, slots=True)
class HostView:
    """What is known of a host. Moments in seconds since 1970, durations in seconds.

    `outcomes` counts requests by code.
    """

    host: str
    circuit: Circuit
    requests: int
    bytes: int
    outcomes: dict[str, int]
    active: int
    mean_seconds: float | None
    last_error: str | None
    last_error_at: float | None
    last_asked_at: float
    silent_until: float | None
    open_until: float | None

    @property
    def failures(self) -> int:
        """How many requests did not go as they should."""
        return sum(count for code, count in self.outcomes.items() if code not in FINE)

    @property
    def paused_until(self) -> float | None:
        """Until when the host is not asked at all; None when it may be."""
        return max(filter(None, (self.silent_until, self.open_until)), default=None)

    @property
    def pause_reason(self) -> DenyReason | None:
        """Why the host is not asked until then."""
        if self.paused_until is None:
            return None
        return DenyReason.OPEN if self.paused_until == self.open_until else DenyReason.SILENT

    @property
    def is_in_trouble(self) -> bool:
        """Whether the host is left alone, or was and has not answered since."""
        return self.circuit is not Circuit.CLOSED or self.paused_until is not None
