"""Consumes both lanes for ever, on one connection after the other.

Must not know what a delivery is for. A connection that is lost costs nothing: what it brought
and was not settled is delivered again.
"""

from collections.abc import Callable
from threading import Event
from time import monotonic

import structlog

from infra.broker.broker import Delivery, Prefetch
from infra.broker.rabbitmq.channel_consumer import ChannelConsumer
from infra.broker.rabbitmq.connection import BrokerConnection
from infra.broker.rabbitmq.declare import declare
from infra.broker.reconnect_delays import delays
from infra.broker.topology import Topology
from infra.contract.errors import ServiceUnavailable
from infra.settings.sections import BrokerSettings

IDLE_SECONDS = 1.0  # how late a request is noticed that arrives between two connections

log = structlog.get_logger(__name__)


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
                self._consume(on_delivery)
            except ServiceUnavailable as exc:
                self._note_outage(exc)
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

    def _consume(self, on_delivery: Callable[[Delivery], None]) -> None:
        with BrokerConnection(self._settings) as connection:
            self._connection = connection
            declare(connection, self._topology)
            channel_consumer = ChannelConsumer(connection, self._topology, self._prefetch)
            self._note_recovery()
            self._connected.set()
            while not self._closed.is_set():
                self._turn(connection, channel_consumer, on_delivery=on_delivery)
            channel_consumer.apply()  # dispositions given before the end still count

    def _turn(
        self,
        connection: BrokerConnection,
        channel_consumer: ChannelConsumer,
        *,
        on_delivery: Callable[[Delivery], None],
    ) -> None:
        paused = self._paused.is_set()
        channel_consumer.apply()
        if paused:
            channel_consumer.unsubscribe()
        else:
            channel_consumer.subscribe()
        connection.drive(
            lambda: channel_consumer.is_busy() or self._wants_change(paused=paused), IDLE_SECONDS
        )
        while not self._wants_change(paused=paused):
            delivery = channel_consumer.take()
            if delivery is None:
                break
            on_delivery(delivery)

    def _wants_change(self, *, paused: bool) -> bool:
        return self._closed.is_set() or self._paused.is_set() != paused

    def _note_outage(self, exc: ServiceUnavailable) -> None:
        if self._lost_at is None:
            self._lost_at = monotonic()
            log.warning("consumer_lost_broker", detail=exc.detail)

    def _note_recovery(self) -> None:
        self._delays = delays(self._settings.reconnect_max_seconds)
        if self._lost_at is not None:
            log.info(
                "consumer_back_at_broker", outage_seconds=round(monotonic() - self._lost_at, 1)
            )
            self._lost_at = None
