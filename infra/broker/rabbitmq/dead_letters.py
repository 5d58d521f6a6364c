"""Dead letters in RabbitMQ: looked at, replayed and purged by a person.

Must not know who asks. Every visit takes letters without acknowledging them, and RabbitMQ puts
them back when its connection ends, also when the process is killed. Returns count against the
queue's delivery limit, which no number of visits reaches. A queue's order does not survive
visits that take a part of it, so the oldest are chosen from all, by their time of death.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import nsmallest

from infra.broker.dead_letters import DeadLetter, Handled, LetterSelection, Listing, Names
from infra.broker.rabbitmq.connection import BrokerConnection
from infra.broker.rabbitmq.death import read_death
from infra.broker.rabbitmq.declare import declare
from infra.broker.rabbitmq.queue_reader import QueueReader, Taken, await_comeback
from infra.broker.rabbitmq.reposting import Reposting
from infra.broker.topology import Topology
from infra.settings.sections import BrokerSettings


@dataclass(frozen=True, slots=True)
class _Held:
    """A letter in our hands."""

    letter: DeadLetter
    taken: Taken


class RabbitDeadLetters:
    """Connects for each call."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self._topology = Topology(settings.queue_prefix)

    def peek(self, limit: int) -> Listing:
        """Return the oldest letters; all of them stay."""
        with self._visit() as (_, queue_reader):
            letters = (held.letter for held in _letters(queue_reader))
            oldest = nsmallest(limit, letters, key=_age) if limit else []
            return Listing(oldest, max(queue_reader.count, len(oldest)))

    def find(self, letter_id: str) -> DeadLetter | None:
        """Return the letter with this id; it stays. None when there is none."""
        with self._visit() as (_, queue_reader):
            letters = (held.letter for held in _letters(queue_reader))
            return next((letter for letter in letters if letter.id == letter_id), None)

    def replay(self, letter_ids: Collection[str]) -> Handled:
        """Publish the original bodies to their lanes, confirmed, then remove the letters."""
        with self._visit() as (connection, queue_reader):
            reposting = Reposting(
                connection, self._topology, self._settings.confirm_timeout_seconds
            )

            def act(held: _Held) -> bool:
                death = held.letter.death
                if death.lane is None:
                    return False
                reposting.send(held.taken, death.lane, times=death.times)
                queue_reader.remove(held.taken)
                return True

            return _run(LetterSelection.for_letters(letter_ids), queue_reader, act=act)

    def purge(self, letter_ids: Collection[str]) -> Handled:
        """Remove the letters for good."""
        with self._visit() as (_, queue_reader):

            def act(held: _Held) -> bool:
                queue_reader.remove(held.taken)
                return True

            return _run(LetterSelection.for_letters(letter_ids), queue_reader, act=act)

    @contextmanager
    def _visit(self) -> Iterator[tuple[BrokerConnection, QueueReader]]:
        queue = self._topology.dead_queue.name
        with BrokerConnection(self._settings) as connection:
            declare(connection, self._topology)
            queue_reader = QueueReader(connection, queue)
            yield connection, queue_reader
            queue_reader.settle()
        if queue_reader.owed:
            with BrokerConnection(self._settings) as connection:  # so that the next visit sees them
                await_comeback(connection, queue, queue_reader.owed)


def _run(
    selection: LetterSelection, queue_reader: QueueReader, *, act: Callable[[_Held], bool]
) -> Handled:
    if selection.is_over():
        return selection.result()
    for held in _letters(queue_reader):
        if selection.takes(held.letter):
            (selection.done if act(held) else selection.kept).append(held.letter.id)
        if selection.is_over():
            break
    return selection.result()


def _letters(queue_reader: QueueReader) -> Iterator[_Held]:
    names = Names()
    for taken in queue_reader.messages():
        death = read_death(taken.body, taken.routing_key, headers=taken.headers)
        yield _Held(names.name(death), taken)


def _age(letter: DeadLetter) -> datetime:
    """Sort by death; a letter that does not tell is taken for old."""
    return letter.death.died_at or datetime.min.replace(tzinfo=UTC)
