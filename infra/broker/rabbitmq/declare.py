"""Makes sure that the exchanges and queues exist. Knows nothing of messages."""

from collections.abc import Callable

from infra.broker.rabbitmq.connection import BrokerConnection
from infra.broker.rabbitmq.errors import is_conflict, unavailable
from infra.broker.topology import Topology
from infra.contract.errors import ServiceUnavailable


def declare(connection: BrokerConnection, topology: Topology) -> None:
    """Declare everything; without effect where it exists already.

    Raises `ServiceUnavailable`, naming the exchange or queue that exists with other arguments.
    """
    channel = connection.channel
    for exchange in topology.exchanges:
        arguments = {"exchange": exchange.name, "exchange_type": exchange.kind, "durable": True}
        _request(connection, channel.exchange_declare, name=exchange.name, arguments=arguments)
    for queue in topology.queues:
        arguments = {"queue": queue.name, "durable": True, "arguments": dict(queue.arguments)}
        _request(connection, channel.queue_declare, name=queue.name, arguments=arguments)
        connection.ask(
            channel.queue_bind,
            queue=queue.name,
            exchange=queue.exchange,
            routing_key=queue.routing_key,
        )


def _request(
    connection: BrokerConnection,
    method: Callable[..., object],
    *,
    name: str,
    arguments: dict[str, object],
) -> None:
    try:
        connection.ask(method, **arguments)
    except ServiceUnavailable as exc:
        if not is_conflict(exc.__cause__):
            raise
        raise unavailable(
            f"RabbitMQ holds {name} with other arguments than this version declares. Empty and "
            "delete it (rabbitmqctl delete_queue), or choose a new AMQP_QUEUE_PREFIX."
        ) from exc
