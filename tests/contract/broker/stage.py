"""What a broker must offer to be put through the suite, for the fake and for RabbitMQ."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Event, Thread
from time import monotonic
from typing import Any, Protocol
from uuid import UUID, uuid4

import pika  # type: ignore[import-untyped]  # pika ships no types

from infra.broker.broker import Consumer, Delivery, Prefetch, Publisher
from infra.broker.rabbitmq import (
    DeadLetter,
    RabbitConsumer,
    RabbitPublisher,
    open_dead_letters,
)
from infra.broker.topology import Topology
from infra.contract.messages import JobMessage
from infra.contract.states import Lane
from infra.settings.sections import BrokerSettings
from tests.support.memory_broker import MemoryBroker

ARRIVAL_SECONDS = 30
QUIET_SECONDS = 0.4
WIDE = Prefetch(interactive=50, bulk=50)


class Stage(Protocol):
    """One broker, its clients, and the power to switch it off."""

    def publisher(self) -> Publisher: ...

    def consumer(self, prefetch: Prefetch) -> Consumer: ...

    def stop(self) -> None: ...

    def start(self) -> None: ...

    def dead_letters(self) -> Sequence[bytes]: ...


class Switch(Protocol):
    """A RabbitMQ that can be stopped and started, keeping its data."""

    url: str

    def stop(self) -> None: ...

    def start(self) -> None: ...


@dataclass(frozen=True)
class MemoryStage:
    """The fake on stage."""

    broker: MemoryBroker = field(default_factory=MemoryBroker)

    def publisher(self) -> Publisher:
        return self.broker.publisher()

    def consumer(self, prefetch: Prefetch) -> Consumer:
        return self.broker.consumer(prefetch)

    def stop(self) -> None:
        self.broker.stop()

    def start(self) -> None:
        self.broker.start()

    def dead_letters(self) -> Sequence[bytes]:
        return self.broker.dead_letters()


class RabbitStage:
    """RabbitMQ on stage; a prefix of its own keeps each test away from the others."""

    def __init__(self, node: Switch) -> None:
        self._node = node
        self.settings = BrokerSettings(
            url=node.url,
            heartbeat_seconds=1,
            reconnect_max_seconds=0.5,
            queue_prefix=f"contract-{uuid4().hex[:8]}",
        )
        self.topology = Topology(self.settings.queue_prefix)
        self._publishers: list[RabbitPublisher] = []

    def publisher(self) -> RabbitPublisher:
        self._publishers.append(RabbitPublisher(self.settings))
        return self._publishers[-1]

    def consumer(self, prefetch: Prefetch) -> Consumer:
        return RabbitConsumer(self.settings, prefetch)

    def stop(self) -> None:
        self._node.stop()

    def start(self) -> None:
        self._node.start()

    def dead_letters(self) -> Sequence[bytes]:
        bodies: Sequence[bytes] = self.operate(self._peek)
        return bodies

    def letters(self) -> list[DeadLetter]:
        """Visit the dead letters, which all stay."""
        with open_dead_letters(self.settings) as visit:
            return visit.letters()

    def count_letters(self) -> int:
        with open_dead_letters(self.settings) as visit:
            return visit.count

    def replay(self, *letter_ids: str) -> None:
        with open_dead_letters(self.settings) as visit:
            for letter in visit.letters():
                if letter.id in letter_ids and letter.lane is not None:
                    visit.replay(letter, letter.lane)

    def purge(self, *letter_ids: str) -> None:
        with open_dead_letters(self.settings) as visit:
            for letter in visit.letters():
                if letter.id in letter_ids:
                    visit.remove(letter)

    def bury(self, body: bytes, lane: Lane | None) -> None:
        """Put a body aside as if it had died."""
        self.count_letters()  # declares the exchange
        routing_key = "nowhere" if lane is None else str(lane)
        exchange = self.topology.dead_exchange.name
        self.operate(lambda channel: self._publish(channel, exchange, routing_key, body))

    @contextmanager
    def full_lane(self) -> Iterator[None]:
        """Bind a queue beside the interactive lane's that refuses all but its first message."""
        full = f"{self.settings.queue_prefix}.full"

        def add(channel: Any) -> None:
            limits = {"x-max-length": 1, "x-overflow": "reject-publish"}
            channel.queue_declare(full, arguments=limits)
            channel.queue_bind(full, self.topology.exchange.name, str(Lane.INTERACTIVE))

        self.operate(add)
        try:
            yield
        finally:
            self.operate(lambda channel: channel.queue_delete(full))

    def operate(self, act: Callable[[Any], Any]) -> Any:
        """Do something to the broker as its operator would, on a channel of pika's own."""
        connection = pika.BlockingConnection(pika.URLParameters(self.settings.url))
        try:
            return act(connection.channel())
        finally:
            connection.close()

    def close(self) -> None:
        for publisher in self._publishers:
            publisher.close()
        self.operate(self._remove_all)

    def _peek(self, channel: Any) -> Sequence[bytes]:
        bodies = []
        while (answer := channel.basic_get(self.topology.dead_queue.name))[0] is not None:
            bodies.append(answer[2])
        return bodies

    def _publish(self, channel: Any, exchange: str, routing_key: str, body: bytes) -> None:
        channel.confirm_delivery()
        channel.basic_publish(exchange, routing_key, body, mandatory=True)

    def _remove_all(self, channel: Any) -> None:
        for queue in self.topology.queues:
            channel.queue_delete(queue.name)
        for exchange in self.topology.exchanges:
            channel.exchange_delete(exchange.name)


class Consumption:
    """A consumer running in its thread, and what it was handed."""

    def __init__(self, consumer: Consumer) -> None:
        self.consumer = consumer
        self._handed: SimpleQueue[Delivery] = SimpleQueue()
        self._thread = Thread(target=consumer.run, args=(self._handed.put,), daemon=True)
        self._thread.start()

    def next(self) -> Delivery:
        """Return the next delivery, in the order in which they were handed over."""
        return self._handed.get(timeout=ARRIVAL_SECONDS)

    def next_id(self) -> UUID:
        """Acknowledge the next delivery and return its job."""
        delivery = self.next()
        delivery.ack()
        return job_id(delivery)

    def is_quiet(self, seconds: float = QUIET_SECONDS) -> bool:
        """Whether nothing is handed over for a while."""
        try:
            self._handed.get(timeout=seconds)
        except Empty:
            return True
        return False

    def close(self) -> None:
        self.consumer.close()
        self._thread.join(ARRIVAL_SECONDS)
        assert not self._thread.is_alive()


def job_id(delivery: Delivery) -> UUID:
    """Return the job that a delivery points at."""
    return JobMessage.decode(delivery.body).job_id


def messages(count: int, lane: Lane = Lane.INTERACTIVE) -> list[JobMessage]:
    """Return messages about new jobs."""
    return [JobMessage(uuid4(), lane) for _ in range(count)]


def eventually(condition: Callable[[], bool], seconds: float = ARRIVAL_SECONDS) -> bool:
    """Whether the condition comes to hold before the deadline."""
    deadline = monotonic() + seconds
    while not condition():
        if monotonic() > deadline:
            return False
        Event().wait(0.02)
    return True
