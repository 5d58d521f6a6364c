"""Compares what is on the broker with what this version declares, and changes nothing there.

AMQP shows queues, exchanges and their arguments. Bindings and policies it does not show: whether
messages reach their queue is tried out with a message about a job that does not exist, which a
worker acknowledges at once.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from pika import exceptions  # type: ignore[import-untyped]  # pika ships no types

from infra.broker.rabbitmq.connection import BrokerConnection
from infra.broker.rabbitmq.declare import declare
from infra.broker.rabbitmq.errors import is_conflict
from infra.broker.rabbitmq.publisher import RabbitPublisher
from infra.broker.topology import Topology
from infra.contract.errors import ServiceUnavailable
from infra.contract.messages import JobMessage
from infra.contract.states import Lane
from infra.settings.sections import BrokerSettings

_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Depths:
    """Messages that no consumer holds, and consumers, per lane; and dead letters."""

    ready: Mapping[Lane, int]
    consumers: Mapping[Lane, int]
    dead_letters: int


def find_differences(settings: BrokerSettings) -> list[str]:
    """Return a sentence for each exchange and queue that is missing, or there in another form.

    Raises `ServiceUnavailable` when the broker does not answer.
    """
    topology = Topology(settings.queue_prefix)
    found: list[str] = []
    for exchange in topology.exchanges:
        form = {"exchange": exchange.name, "exchange_type": exchange.kind, "durable": True}
        passive = {**form, "passive": True}
        found += _differences(settings, "exchange_declare", exchange.name, forms=(passive, form))
    for queue in topology.queues:
        form = {"queue": queue.name, "durable": True, "arguments": dict(queue.arguments)}
        passive = {"queue": queue.name, "passive": True}
        found += _differences(settings, "queue_declare", queue.name, forms=(passive, form))
    return found


def find_unroutable(settings: BrokerSettings) -> list[str]:
    """Return a sentence for each lane whose messages do not reach a queue that takes them."""
    found = []
    for lane in Lane:
        with closing(RabbitPublisher(settings, declares=False)) as publisher:
            try:
                publisher.publish([JobMessage(uuid4(), lane)])
            except ServiceUnavailable as exc:
                found.append(f"A message on the lane {lane} does not arrive: {exc.detail}")
    return found


def read_depths(settings: BrokerSettings) -> Depths:
    """Return how full the queues are; raises `ServiceUnavailable`, also when one is missing."""
    topology = Topology(settings.queue_prefix)
    with BrokerConnection(settings) as connection:

        def declared(name: str) -> Any:
            return connection.ask(connection.channel.queue_declare, queue=name, passive=True).method

        lanes = {lane: declared(topology.queue(lane).name) for lane in Lane}
        return Depths(
            ready={lane: int(method.message_count) for lane, method in lanes.items()},
            consumers={lane: int(method.consumer_count) for lane, method in lanes.items()},
            dead_letters=int(declared(topology.dead_queue.name).message_count),
        )


def declare_again(settings: BrokerSettings) -> None:
    """Create what is missing: exchanges, queues, bindings. Raises where a form differs."""
    with BrokerConnection(settings) as connection:
        declare(connection, Topology(settings.queue_prefix))


def _differences(
    settings: BrokerSettings, method: str, name: str, *, forms: tuple[dict[str, Any], ...]
) -> Iterator[str]:
    """Ask on a connection of its own: a refusal closes the channel."""
    with BrokerConnection(settings) as connection:
        request: Callable[..., object] = getattr(connection.channel, method)
        try:
            for form in forms:
                connection.ask(request, **form)
        except ServiceUnavailable as exc:
            if is_conflict(exc.__cause__):
                yield f"{name} has other arguments than this version declares."
            elif _is_missing(exc.__cause__):
                yield f"{name} does not exist."
            else:
                raise


def _is_missing(error: BaseException | None) -> bool:
    return isinstance(error, exceptions.ChannelClosedByBroker) and error.reply_code == _NOT_FOUND
