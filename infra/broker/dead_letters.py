"""Dead letters as people handle them: what one is, its name, and what can be done with it.

Must not know RabbitMQ. A queue has no names for its messages, so a letter is named after its
content and its death: the name stays the same while other letters come and go, and whoever
read it in a list can act on it later without touching a letter that arrived meanwhile.
"""

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Protocol
from uuid import UUID

from infra.contract.states import Lane

ID_CHARACTERS = 12


@dataclass(frozen=True, slots=True)
class Death:
    """One message that was put aside, as the broker tells of it.

    `lane` is None when the message did not come from a lane of ours, `died_at` and `reason`
    when the broker does not say. `times` counts its deaths across all replays.
    """

    body: bytes
    lane: Lane | None
    died_at: datetime | None
    reason: str | None
    times: int = 1

    @property
    def job_id(self) -> UUID | None:
        """The job that the body names, also in a body that is otherwise not a message of ours."""
        return self._named("job_id")

    @property
    def chunk_id(self) -> UUID | None:
        """The chunk that the body names, likewise."""
        return self._named("chunk_id")

    def digest(self) -> str:
        """Return what tells this death from others."""
        when = "" if self.died_at is None else self.died_at.isoformat()
        facts = json.dumps([self.lane, when, self.reason, self.times])
        return sha256(facts.encode() + b"\0" + self.body).hexdigest()

    def _named(self, field_name: str) -> UUID | None:
        try:
            return UUID(json.loads(self.body)[field_name])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A death with its name."""

    id: str
    death: Death


@dataclass(frozen=True, slots=True)
class Listing:
    """The oldest letters, and how many there are in all."""

    letters: Sequence[DeadLetter]
    total: int


@dataclass(frozen=True, slots=True)
class Handled:
    """What became of the letters that were asked for, by id.

    `kept` were found and stay where they are, because no lane is known to replay them to.
    """

    done: Sequence[str]
    kept: Sequence[str]
    missing: Sequence[str]


class DeadLetters(Protocol):
    """Each method is a visit of its own: it connects, acts and leaves.

    All raise `ServiceUnavailable` when the broker does not answer. Letters in the hands of
    another visit at the same moment are not seen. Whatever interrupts a visit, a letter that
    was not replayed or purged is still there afterwards.
    """

    def peek(self, limit: int) -> Listing:
        """Return the oldest letters; all of them stay."""

    def find(self, letter_id: str) -> DeadLetter | None:
        """Return the letter with this id; it stays. None when there is none."""

    def replay(self, letter_ids: Collection[str]) -> Handled:
        """Put the original bodies on their lanes again, then remove the letters.

        An end in between leaves a letter beside its copy: a message may come twice.
        """

    def purge(self, letter_ids: Collection[str]) -> Handled:
        """Remove the letters for good."""


@dataclass(slots=True)
class Names:
    """Names letters in the order of the queue.

    Letters that are alike in everything share a digest; their place among each other tells
    them apart. Which of them is which does not matter, since they are alike.
    """

    _seen: Counter[str] = field(default_factory=Counter)

    def name(self, death: Death) -> DeadLetter:
        """Give the next letter of the queue its name."""
        digest = death.digest()
        earlier = self._seen[digest]
        self._seen[digest] += 1
        name = sha256(f"{digest} {earlier}".encode()).hexdigest()[:ID_CHARACTERS]
        return DeadLetter(name, death)


@dataclass(slots=True)
class LetterSelection:
    """Which letters a visit looks for, and what has become of them."""

    wanted: dict[str, None]
    done: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    @classmethod
    def for_letters(cls, letter_ids: Collection[str]) -> "LetterSelection":
        """Begin a selection; an id that is given twice counts once."""
        return cls(dict.fromkeys(letter_ids))

    def is_over(self) -> bool:
        """Whether all letters were found."""
        return not self.wanted

    def takes(self, letter: DeadLetter) -> bool:
        """Whether the letter is one of those; it is not looked for any more then."""
        if letter.id not in self.wanted:
            return False
        del self.wanted[letter.id]
        return True

    def result(self) -> Handled:
        """Return what became of the letters."""
        return Handled(done=self.done, kept=self.kept, missing=list(self.wanted))
