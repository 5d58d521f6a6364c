"""Exchanges and queues as plain data: what must exist on the broker before anything is sent.

Must not know how they are declared. The arguments hold for RabbitMQ 3.10 and 4.x alike. A queue
that exists with other arguments cannot be changed: altering them here asks for a new prefix.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.contract.states import Lane

# Each restart of a consumer counts against the limit, for every message that it held. What
# fails for good is decided in PostgreSQL, so no number of restarts may reach it.
DELIVERY_LIMIT = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable queue, bound to one exchange."""

    name: str
    exchange: str
    routing_key: str
    arguments: Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything that one prefix owns on the broker."""

    prefix: str

    @property
    def exchange(self) -> Exchange:
        """Where jobs are published; the routing key is the lane."""
        return Exchange(self.prefix, "direct")

    @property
    def dead_exchange(self) -> Exchange:
        """Where rejected messages go; they keep their lane as routing key."""
        return Exchange(f"{self.prefix}.dead", "fanout")

    @property
    def dead_queue(self) -> Queue:
        """Where rejected messages wait for a person."""
        return Queue(
            f"{self.prefix}.dead",
            self.dead_exchange.name,
            routing_key="",
            arguments={"x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT},
        )

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All exchanges."""
        return (self.dead_exchange, self.exchange)

    @property
    def queues(self) -> tuple[Queue, ...]:
        """All queues, the dead-letter queue first: it must exist before anything can die."""
        return (self.dead_queue, *(self.queue(lane) for lane in Lane))

    def queue(self, lane: Lane) -> Queue:
        """Return the queue of a lane."""
        arguments: Mapping[str, str | int] = {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": self.dead_exchange.name,
            # At-least-once dead-lettering exists only together with reject-publish.
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }
        return Queue(f"{self.prefix}.{lane}", self.exchange.name, str(lane), arguments)
