"""Publishes a message once more as it was, and waits for its confirm. Knows nothing of letters."""

import pika  # type: ignore[import-untyped]  # pika ships no types

from infra.broker.rabbitmq.confirms import PublisherConfirms
from infra.broker.rabbitmq.connection import BrokerConnection
from infra.broker.rabbitmq.death import headers_for_replay
from infra.broker.rabbitmq.errors import translated, unavailable
from infra.broker.rabbitmq.queue_reader import Taken
from infra.broker.topology import Topology
from infra.contract.states import Lane


class Reposting:
    """Lives as long as its connection."""

    def __init__(
        self, connection: BrokerConnection, topology: Topology, confirm_timeout_seconds: float
    ) -> None:
        self._connection = connection
        self._topology = topology
        self._confirm_timeout_seconds = confirm_timeout_seconds
        self._confirms = PublisherConfirms()
        connection.ask(
            connection.channel.confirm_delivery, ack_nack_callback=self._confirms.on_confirm
        )
        connection.channel.add_on_return_callback(self._confirms.on_return)

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
        self._confirms.begin()
        with translated():
            self._connection.channel.basic_publish(
                exchange=self._topology.exchange.name,
                routing_key=str(lane),
                body=taken.body,
                properties=properties,
                mandatory=True,
            )
        self._confirms.expect()
        self._await_confirm()

    def _await_confirm(self) -> None:
        confirms = self._confirms
        if not self._connection.drive(confirms.is_settled, self._confirm_timeout_seconds):
            raise unavailable("RabbitMQ did not confirm a replayed message in time.")
        if confirms.unroutable:
            raise unavailable("RabbitMQ had no queue for a replayed message.")
        if confirms.refused:
            raise unavailable("RabbitMQ refused a replayed message: its queue is full.")
