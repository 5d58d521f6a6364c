"""What the rest of the system knows of a broker: messages out, deliveries in.

Must not know RabbitMQ, nor what happens to a job. Delivery is at least once: the broker may
hand the same message over again at any time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from threading import Lock
from typing import Protocol

from infra.contract.messages import Message
from infra.contract.states import Lane


class Disposition(Enum):
    """What becomes of a delivery."""

    ACK = auto()
    REQUEUE = auto()
    DEAD_LETTER = auto()


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """One message in our hands until a disposition is given.

    Verdicts may come from any thread. The first one counts; none has an effect once the
    connection that brought the delivery is gone, because the broker then delivers it again.
    """

    lane: Lane
    body: bytes
    redelivered: bool
    settle: Callable[[Disposition], None] = field(repr=False)
    """The adapter's side of a disposition; callers use the methods below."""
    _undecided: Lock = field(default_factory=Lock, init=False, repr=False)

    def ack(self) -> None:
        """Tell the broker that it may forget the message."""
        self._decide(Disposition.ACK)

    def requeue(self) -> None:
        """Give the message back, for any consumer to take again."""
        self._decide(Disposition.REQUEUE)

    def dead_letter(self) -> None:
        """Put the message aside, for a person to look at."""
        self._decide(Disposition.DEAD_LETTER)

    def _decide(self, disposition: Disposition) -> None:
        if self._undecided.acquire(blocking=False):  # never released: one disposition only
            self.settle(disposition)


@dataclass(frozen=True, slots=True)
class Prefetch:
    """How many deliveries of each lane may be in our hands; 0 leaves the lane to others."""

    interactive: int
    bulk: int

    def __post_init__(self) -> None:
        if min(self.interactive, self.bulk) < 0:
            raise ValueError("a prefetch is 0 or more deliveries")

    def of(self, lane: Lane) -> int:
        """Return the bound of one lane."""
        return self.interactive if lane is Lane.INTERACTIVE else self.bulk


class Publisher(Protocol):
    """Owned by one thread, which calls `pump` while it has nothing to publish."""

    def publish(self, messages: Sequence[Message]) -> None:
        """Return when the broker has stored every message.

        Raises `ServiceUnavailable` otherwise; any of the messages may have arrived then, and
        the caller publishes all of them again. Does not wait between attempts: the caller does.
        """

    def pump(self) -> None:
        """Serve heartbeats without blocking. Never raises for a lost connection."""

    def close(self) -> None:
        """Give the connection back."""


class Consumer(Protocol):
    """Runs in a thread of its own; the other methods may be called from any thread."""

    def run(self, on_delivery: Callable[[Delivery], None]) -> None:
        """Hand deliveries over until `close`, connecting again for as long as that takes.

        `on_delivery` runs in this thread, which also serves the heartbeats: it must return at
        once. What it raises ends `run`, and all deliveries without a disposition go back.
        """

    def pause(self) -> None:
        """Take no more deliveries; those handed over can still be settled."""

    def resume(self) -> None:
        """Take deliveries again."""

    def close(self) -> None:
        """Make `run` return; deliveries without a disposition go back to their queue."""
