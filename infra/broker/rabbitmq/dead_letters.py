"""Dead letters in RabbitMQ, as a person handles them: messages that no worker could read.

Must not know who asks. A visit takes all letters without acknowledging them, and RabbitMQ puts
back those that were not removed when its connection ends, also when the process is killed.
Returns count against the queue's delivery limit, which no number of visits reaches.

`x-death` is a list with one entry per queue and reason, the latest first, whose time has a
resolution of a second. Since 3.13 the broker does not go on counting in an `x-death` that a
client sends, so a replay counts in a header of its own.
"""

import json
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from time import monotonic
from typing import Any
from uuid import UUID

import pika  # type: ignore[import-untyped]  # pika ships no types

from infra.broker.rabbitmq.connection import BrokerConnection
from infra.broker.rabbitmq.declare import declare
from infra.broker.rabbitmq.errors import translated
from infra.broker.rabbitmq.publisher import RabbitPublisher
from infra.broker.topology import Topology
from infra.contract.states import Lane
from infra.settings.sections import BrokerSettings

_ID_CHARACTERS = 12
_DEATHS_BEFORE = "deaths-before"
_MOST = 65_535  # messages that AMQP lets one subscription hold
_QUIET_SECONDS = 0.5  # when fewer come than were counted, another visit has the others
_RETURN_SECONDS = 2.0
_LOOK_SECONDS = 0.02
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was put aside, as the broker tells of it.

    A queue has no names for its messages, so `id` is made of content and death: it stays the same
    while other letters come and go. `lane` is None when the message did not come from a lane of
    ours, `died_at` and `reason` when the broker does not say. `times` counts the message's deaths
    across all replays.
    """

    id: str
    body: bytes
    lane: Lane | None
    died_at: datetime | None
    reason: str | None
    times: int = 1
    tag: int = field(default=0, repr=False, compare=False)
    properties: Any = field(default=None, repr=False, compare=False)

    def named(self, field_name: str) -> str | None:
        """Return the id that the body gives this name, also when it is no message of ours."""
        try:
            return str(UUID(json.loads(self.body)[field_name]))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None


class DeadLetters:
    """One visit. `count` is how many letters lay there at its start, without another visit's."""

    def __init__(
        self, connection: BrokerConnection, topology: Topology, publisher: RabbitPublisher
    ) -> None:
        self._connection = connection
        self._queue = topology.dead_queue.name
        self._publisher = publisher
        self.count = _depth(connection, self._queue)
        self.held = 0

    def letters(self) -> list[DeadLetter]:
        """Take all letters, and return them, the oldest first. For once in a visit.

        Never more than lay there at the start: what arrives meanwhile is not for this visit.
        Those that are alike in everything are told apart by their place among each other.
        """
        letters: list[DeadLetter] = []
        seen: Counter[str] = Counter()
        for delivery in self._deliveries(min(self.count, _MOST)):
            letter = read_letter(*delivery)
            seen[letter.id] += 1
            if (place := seen[letter.id]) > 1:
                letter = replace(letter, id=f"{letter.id}-{place}")
            letters.append(letter)
        # The queue's order does not survive visits that remove a part of it.
        return sorted(letters, key=lambda letter: letter.died_at or _LONG_AGO)

    def replay(self, letter: DeadLetter, lane: Lane) -> None:
        """Publish the original body, and remove the letter when the broker has confirmed it.

        An end in between leaves the letter beside its copy: a message may come twice.
        """
        original = letter.properties
        properties = pika.BasicProperties(
            content_type=original.content_type,
            content_encoding=original.content_encoding,
            message_id=original.message_id,
            headers=headers_for_replay(original.headers or {}, letter.times),
            delivery_mode=pika.DeliveryMode.Persistent,
        )
        self._publisher.publish_copy(letter.body, lane, properties)
        self.remove(letter)

    def remove(self, letter: DeadLetter) -> None:
        """Let the broker forget the letter."""
        with translated():
            self._connection.channel.basic_ack(letter.tag)
        self._connection.drive(lambda: False, 0)
        self.held -= 1

    def _deliveries(self, count: int) -> Iterator[tuple[Any, Any, bytes]]:
        """Subscribe: RabbitMQ puts a subscription's messages back in their order."""
        if not count:
            return
        arrived: deque[tuple[Any, Any, bytes]] = deque()
        channel = self._connection.channel
        self._connection.ask(channel.basic_qos, prefetch_count=count)
        self._connection.ask(
            channel.basic_consume,
            queue=self._queue,
            on_message_callback=lambda _, *delivery: arrived.append(delivery),
        )
        for _ in range(count):
            if not self._connection.drive(lambda: bool(arrived), _QUIET_SECONDS):
                return
            self.held += 1
            yield arrived.popleft()


@contextmanager
def open_dead_letters(settings: BrokerSettings) -> Iterator[DeadLetters]:
    """Connect for a visit; raises `ServiceUnavailable` when the broker does not answer."""
    topology = Topology(settings.queue_prefix)
    queue = topology.dead_queue.name
    with BrokerConnection(settings) as connection, closing(RabbitPublisher(settings)) as publisher:
        declare(connection, topology)
        visit = DeadLetters(connection, topology, publisher)
        yield visit
    if visit.held:  # they come back within milliseconds: the next visit shall see them
        deadline = monotonic() + _RETURN_SECONDS
        with BrokerConnection(settings) as connection:
            while _depth(connection, queue) < visit.held and monotonic() < deadline:
                connection.drive(lambda: False, _LOOK_SECONDS)


def read_letter(method: Any, properties: Any, body: bytes) -> DeadLetter:
    """Read a delivery of pika's; what is missing or strange in the headers is None."""
    headers = properties.headers or {}
    deaths = headers.get("x-death")
    last = deaths[0] if isinstance(deaths, list) and deaths else None
    death = last if isinstance(last, dict) else {}
    moment, reason = death.get("time"), death.get("reason")
    letter = DeadLetter(
        id="",
        body=body,
        # A dead letter keeps the routing key that it was published with: its lane.
        lane=next((lane for lane in Lane if lane == method.routing_key), None),
        died_at=moment.replace(tzinfo=UTC) if isinstance(moment, datetime) else None,
        reason=reason if isinstance(reason, str) else None,
        times=_count(headers.get(_DEATHS_BEFORE)) + max(_count(death.get("count")), 1),
        tag=method.delivery_tag,
        properties=properties,
    )
    facts = json.dumps([letter.lane, str(letter.died_at), letter.reason, letter.times])
    digest = sha256(facts.encode() + b"\0" + body).hexdigest()
    return replace(letter, id=digest[:_ID_CHARACTERS])


def headers_for_replay(headers: Mapping[str, Any], times: int) -> dict[str, Any]:
    """Return the sender's own headers, and how often the message has died so far."""
    own = {name: value for name, value in headers.items() if not name.startswith("x-")}
    return {**own, _DEATHS_BEFORE: times}


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _depth(connection: BrokerConnection, queue: str) -> int:
    """Return how many messages lie in a queue, without those that a consumer holds."""
    answer = connection.ask(connection.channel.queue_declare, queue=queue, passive=True)
    return int(answer.method.message_count)
