"""Publishes a message once more as it was, and waits for its confirm. Knows nothing of letters."""

import pika  # type: ignore[import-untyped]  # pika ships no types

from infra.broker.rabbitmq.confirms import Ledger
from infra.broker.rabbitmq.connection import Wire
from infra.broker.rabbitmq.death import headers_for_replay
from infra.broker.rabbitmq.drawer import Taken
from infra.broker.rabbitmq.errors import translated, unavailable
from infra.broker.topology import Topology
from infra.contract.states import Lane


class Reposting:
    """Lives as long as its wire."""

    def __init__(self, wire: Wire, topology: Topology, confirm_timeout_seconds: float) -> None:
        self._wire = wire
        self._topology = topology
        self._confirm_timeout_seconds = confirm_timeout_seconds
        self._ledger = Ledger()
        wire.ask(wire.channel.confirm_delivery, ack_nack_callback=self._ledger.on_confirm)
        wire.channel.add_on_return_callback(self._ledger.on_return)

    def send(self, taken: Taken, lane: Lane, *, times: int) -> None:
        """Return when the broker has stored the message, or raise `ServiceUnavailable`.

        `times` is how often the message has died, which it carries with it.
        """
        original = taken.properties
        properties = pika.BasicProperties(
            content_type=original.content_type,
            content_encoding=original.content_encoding,
            message_id=original.message_id,
            headers=headers_for_replay(taken.headers, times),
            delivery_mode=pika.DeliveryMode.Persistent,
        )
        self._ledger.begin()
        with translated():
            self._wire.channel.basic_publish(
                exchange=self._topology.exchange.name,
                routing_key=str(lane),
                body=taken.body,
                properties=properties,
                mandatory=True,
            )
        self._ledger.expect()
        self._await_confirm()

    def _await_confirm(self) -> None:
        ledger = self._ledger
        if not self._wire.drive(ledger.is_settled, self._confirm_timeout_seconds):
            raise unavailable("RabbitMQ did not confirm a replayed message in time.")
        if ledger.unroutable:
            raise unavailable("RabbitMQ had no queue for a replayed message.")
        if ledger.refused:
            raise unavailable("RabbitMQ refused a replayed message: its queue is full.")
