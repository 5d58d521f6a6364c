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

from infra.broker.dead_letters import DeadLetter, Errand, Handled, Listing, Names
from infra.broker.rabbitmq.connection import Wire
from infra.broker.rabbitmq.death import read_death
from infra.broker.rabbitmq.declare import declare
from infra.broker.rabbitmq.drawer import Drawer, Taken, await_comeback
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
        with self._visit() as (_, drawer):
            letters = (held.letter for held in _letters(drawer))
            oldest = nsmallest(limit, letters, key=_age) if limit else []
            return Listing(oldest, max(drawer.count, len(oldest)))

    def find(self, letter_id: str) -> DeadLetter | None:
        """Return the letter with this id; it stays. None when there is none."""
        with self._visit() as (_, drawer):
            letters = (held.letter for held in _letters(drawer))
            return next((letter for letter in letters if letter.id == letter_id), None)

    def replay(self, letter_ids: Collection[str]) -> Handled:
        """Publish the original bodies to their lanes, confirmed, then remove the letters."""
        with self._visit() as (wire, drawer):
            reposting = Reposting(wire, self._topology, self._settings.confirm_timeout_seconds)

            def act(held: _Held) -> bool:
                death = held.letter.death
                if death.lane is None:
                    return False
                reposting.send(held.taken, death.lane, times=death.times)
                drawer.remove(held.taken)
                return True

            return _run(Errand.for_letters(letter_ids), drawer, act=act)

    def purge(self, letter_ids: Collection[str]) -> Handled:
        """Remove the letters for good."""
        with self._visit() as (_, drawer):

            def act(held: _Held) -> bool:
                drawer.remove(held.taken)
                return True

            return _run(Errand.for_letters(letter_ids), drawer, act=act)

    @contextmanager
    def _visit(self) -> Iterator[tuple[Wire, Drawer]]:
        queue = self._topology.dead_queue.name
        with Wire(self._settings) as wire:
            declare(wire, self._topology)
            drawer = Drawer(wire, queue)
            yield wire, drawer
            drawer.settle()
        if drawer.owed:
            with Wire(self._settings) as wire:  # so that the next visit sees them
                await_comeback(wire, queue, drawer.owed)


def _run(errand: Errand, drawer: Drawer, *, act: Callable[[_Held], bool]) -> Handled:
    if errand.is_over():
        return errand.result()
    for held in _letters(drawer):
        if errand.takes(held.letter):
            (errand.done if act(held) else errand.kept).append(held.letter.id)
        if errand.is_over():
            break
    return errand.result()


def _letters(drawer: Drawer) -> Iterator[_Held]:
    names = Names()
    for taken in drawer.messages():
        death = read_death(taken.body, taken.routing_key, headers=taken.headers)
        yield _Held(names.name(death), taken)


def _age(letter: DeadLetter) -> datetime:
    """Sort by death; a letter that does not tell is taken for old."""
    return letter.death.died_at or datetime.min.replace(tzinfo=UTC)
