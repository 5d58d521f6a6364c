"""Consumes both lanes for ever, on one connection after the other.

Must not know what a delivery is for. A connection that is lost costs nothing: what it brought
and was not settled is delivered again.
"""

import random
from collections.abc import Callable, Iterator
from threading import Event
from time import monotonic

import structlog

from infra.broker.broker import Delivery, Prefetch
from infra.broker.rabbitmq.channel_consumer import ChannelConsumer
from infra.broker.rabbitmq.connection import BrokerConnection
from infra.broker.rabbitmq.declare import declare
from infra.broker.topology import Topology
from infra.contract.errors import ServiceUnavailable
from infra.settings.sections import BrokerSettings

FIRST_DELAY_SECONDS = 0.1
IDLE_SECONDS = 1.0  # how late a request is noticed that arrives between two connections

log = structlog.get_logger(__name__)


def delays(max_seconds: float) -> Iterator[float]:
    """Yield delays for ever: doubling up to the maximum, each between half and all of its step.

    The jitter keeps the consumers of a restarted broker from coming back in step.
    """
    step = min(FIRST_DELAY_SECONDS, max_seconds)
    while True:
        yield random.uniform(step / 2, step)
        step = min(step * 2, max_seconds)


class RabbitConsumer:
    """`run` blocks in a thread of its own; the other methods only leave a request for it."""

    def __init__(self, settings: BrokerSettings, prefetch: Prefetch) -> None:
        self._settings = settings
        self._topology = Topology(settings.queue_prefix)
        self._prefetch = prefetch
        self._paused = Event()
        self._closed = Event()
        self._connected = Event()
        self._connection: BrokerConnection | None = None
        self._delays = delays(settings.reconnect_max_seconds)
        self._lost_at: float | None = None

    def run(self, on_delivery: Callable[[Delivery], None]) -> None:
        """Hand deliveries over until `close`; `on_delivery` must return at once."""
        while not self._closed.is_set():
            try:
                with BrokerConnection(self._settings) as connection:
                    self._connection = connection
                    declare(connection, self._topology)
                    channel_consumer = ChannelConsumer(connection, self._topology, self._prefetch)
                    self._delays = delays(self._settings.reconnect_max_seconds)
                    if self._lost_at is not None:
                        outage_seconds = round(monotonic() - self._lost_at, 1)
                        log.info("consumer_back_at_broker", outage_seconds=outage_seconds)
                        self._lost_at = None
                    self._connected.set()
                    while not self._closed.is_set():
                        self._turn(connection, channel_consumer, on_delivery)
                    channel_consumer.apply()  # dispositions given before the end still count
            except ServiceUnavailable as exc:
                if self._lost_at is None:
                    self._lost_at = monotonic()
                    log.warning("consumer_lost_broker", detail=exc.detail)
                self._closed.wait(next(self._delays))

    def wait_until_connected(self, seconds: float) -> bool:
        """Wait for the first connection; return whether there has been one."""
        return self._connected.wait(seconds)

    def pause(self) -> None:
        """Take no more deliveries; those handed over can still be settled."""
        self._paused.set()
        self._wake()

    def resume(self) -> None:
        """Take deliveries again."""
        self._paused.clear()
        self._wake()

    def close(self) -> None:
        """Make `run` return; deliveries without a disposition go back to their queue."""
        self._closed.set()
        self._wake()

    def _wake(self) -> None:
        connection = self._connection
        if connection is not None:
            connection.wake()

    def _turn(
        self,
        connection: BrokerConnection,
        channel_consumer: ChannelConsumer,
        on_delivery: Callable[[Delivery], None],
    ) -> None:
        paused = self._paused.is_set()

        def wants_change() -> bool:
            return self._closed.is_set() or self._paused.is_set() != paused

        channel_consumer.apply()
        if paused:
            channel_consumer.unsubscribe()
        else:
            channel_consumer.subscribe()
        connection.drive(lambda: channel_consumer.is_busy() or wants_change(), IDLE_SECONDS)
        while not wants_change() and (delivery := channel_consumer.take()) is not None:
            on_delivery(delivery)
