"""A broker in memory, for tests of what uses one. Passes the same suite as RabbitMQ.

Must not be used to keep anything: a message lives as long as the object.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Condition

from infra.broker.broker import Delivery, Disposition, Prefetch
from infra.contract.errors import ErrorCode, ServiceUnavailable
from infra.contract.messages import Message
from infra.contract.states import Lane


@dataclass(frozen=True, slots=True, eq=False)
class _Stored:
    lane: Lane
    body: bytes
    redelivered: bool = False


@dataclass(slots=True, eq=False)
class _Holder:
    """What the broker knows of one consumer."""

    prefetch: Prefetch
    paused: bool = False
    closed: bool = False
    held: list[_Stored] = field(default_factory=list)

    def has_room(self, lane: Lane) -> bool:
        held = sum(stored.lane is lane for stored in self.held)
        return held < self.prefetch.of(lane)


class MemoryBroker:
    """Queues of both lanes and the dead letters; `stop` and `start` play an outage."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._queues: dict[Lane, deque[_Stored]] = {lane: deque() for lane in Lane}
        self._dead: list[bytes] = []
        self._holders: list[_Holder] = []
        self._up = True

    def publisher(self) -> "MemoryPublisher":
        """Return a publisher to this broker."""
        return MemoryPublisher(self)

    def consumer(self, prefetch: Prefetch) -> "MemoryConsumer":
        """Return a consumer of this broker."""
        holder = _Holder(prefetch)
        self._holders.append(holder)
        return MemoryConsumer(self, holder)

    def stop(self) -> None:
        """Refuse messages and forget all connections; the queues persist."""
        with self._changed:
            self._up = False
            for holder in self._holders:
                self._take_back(holder)

    def start(self) -> None:
        """End the outage."""
        with self._changed:
            self._up = True
            self._changed.notify_all()

    def dead_letters(self) -> Sequence[bytes]:
        """Return the bodies that were put aside, oldest first."""
        with self._changed:
            return tuple(self._dead)

    def waiting(self, lane: Lane) -> int:
        """Return how many messages of the lane no consumer holds."""
        with self._changed:
            return len(self._queues[lane])

    def accept(self, lane: Lane, body: bytes) -> None:
        """Store a body as it is, also one that is not a message of ours."""
        self.store([_Stored(lane, body)])

    def store(self, messages: Sequence[_Stored]) -> None:
        """Queue all messages, or none during an outage."""
        with self._changed:
            self._require_up()
            for stored in messages:
                self._queues[stored.lane].append(stored)
            self._changed.notify_all()

    def deliver(self, holder: _Holder) -> Delivery | None:
        """Wait for the next delivery that the consumer may hold; None once it is closed."""
        with self._changed:
            while not holder.closed:
                stored = self._next(holder)
                if stored is not None:
                    holder.held.append(stored)
                    settle = partial(self._settle, holder, stored)
                    return Delivery(stored.lane, stored.body, stored.redelivered, settle)
                self._changed.wait()
            return None

    def set_paused(self, holder: _Holder, *, paused: bool) -> None:
        """Stop or start deliveries to the consumer."""
        with self._changed:
            holder.paused = paused
            self._changed.notify_all()

    def close(self, holder: _Holder) -> None:
        """End the consumer; what it held goes back."""
        with self._changed:
            holder.closed = True
            self._take_back(holder)
            self._changed.notify_all()

    def _require_up(self) -> None:
        if not self._up:
            raise ServiceUnavailable(ErrorCode.BROKER_UNAVAILABLE, "The broker is stopped.")

    def _next(self, holder: _Holder) -> _Stored | None:
        if holder.paused or not self._up:
            return None
        for lane, queue in self._queues.items():
            if queue and holder.has_room(lane):
                return queue.popleft()
        return None

    def _settle(self, holder: _Holder, stored: _Stored, disposition: Disposition) -> None:
        with self._changed:
            if stored not in holder.held:
                return  # given back meanwhile: somebody else has it, or will
            holder.held.remove(stored)
            if disposition is Disposition.REQUEUE:
                self._put_back(stored)
            elif disposition is Disposition.DEAD_LETTER:
                self._dead.append(stored.body)
            self._changed.notify_all()

    def _take_back(self, holder: _Holder) -> None:
        while holder.held:
            self._put_back(holder.held.pop())

    def _put_back(self, stored: _Stored) -> None:
        self._queues[stored.lane].appendleft(replace(stored, redelivered=True))


class MemoryPublisher:
    """Publishes to a broker in memory."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    def publish(self, messages: Sequence[Message]) -> None:
        """Store all messages, or raise `ServiceUnavailable` during an outage."""
        self._broker.store([_Stored(message.lane, message.encode()) for message in messages])

    def pump(self) -> None:
        """Nothing to serve."""

    def close(self) -> None:
        """Nothing to give back."""


class MemoryConsumer:
    """Consumes from a broker in memory."""

    def __init__(self, broker: MemoryBroker, holder: _Holder) -> None:
        self._broker = broker
        self._holder = holder

    def run(self, on_delivery: Callable[[Delivery], None]) -> None:
        """Hand deliveries over until `close`."""
        try:
            while (delivery := self._broker.deliver(self._holder)) is not None:
                on_delivery(delivery)
        finally:
            self.close()

    def pause(self) -> None:
        """Take no more deliveries."""
        self._broker.set_paused(self._holder, paused=True)

    def resume(self) -> None:
        """Take deliveries again."""
        self._broker.set_paused(self._holder, paused=False)

    def close(self) -> None:
        """Make `run` return; deliveries without a disposition go back to their queue."""
        self._broker.close(self._holder)
