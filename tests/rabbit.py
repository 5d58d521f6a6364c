"""A look at the broker past the adapter: raw bodies in, depths of queues out."""

from collections.abc import Iterator
from contextlib import contextmanager

import pika
from pika.adapters.blocking_connection import BlockingChannel

from infra.broker.topology import Topology
from infra.contract.states import Lane
from infra.settings.sections import BrokerSettings

_TOPOLOGY = Topology(BrokerSettings(url="amqp://unused").queue_prefix)


@contextmanager
def _channel(amqp_url: str) -> Iterator[BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    try:
        yield connection.channel()
    finally:
        connection.close()


def publish_raw(amqp_url: str, body: bytes) -> None:
    """Put any bytes on the interactive lane."""
    with _channel(amqp_url) as channel:
        channel.basic_publish(_TOPOLOGY.exchange.name, str(Lane.INTERACTIVE), body)


def dead_letters(amqp_url: str) -> int:
    """Return how many messages wait in the dead-letter queue; none is consumed."""
    with _channel(amqp_url) as channel:
        declared = channel.queue_declare(_TOPOLOGY.dead_queue.name, passive=True)
    return int(declared.method.message_count)


def waiting_jobs(amqp_url: str) -> int:
    """Return how many messages no consumer holds on the interactive lane."""
    with _channel(amqp_url) as channel:
        declared = channel.queue_declare(_TOPOLOGY.queue(Lane.INTERACTIVE).name, passive=True)
    return int(declared.method.message_count)


def consumers(amqp_url: str) -> int:
    """Return how many workers take jobs from the interactive lane."""
    with _channel(amqp_url) as channel:
        declared = channel.queue_declare(_TOPOLOGY.queue(Lane.INTERACTIVE).name, passive=True)
    return int(declared.method.consumer_count)
