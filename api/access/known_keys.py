"""Remembers for a few seconds what the database said about keys.

So a request costs no query of its own, and a revoked key is refused within `REMEMBERED_SECONDS` in
every process. When the database is away nothing old is trusted: the question stays unanswered.
"""

import time
from dataclasses import dataclass

from infra.db.engine import Database
from tasks.keys.form import PresentedKey
from tasks.keys.grant import Grant, find_grant, keys_exist

REMEMBERED_SECONDS = 3.0
_MOST = 10_000  # answers that are kept: keys that somebody made up must not fill the memory


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller may do. Without any key (`is_open`) everybody may do everything."""

    is_open: bool
    grant: Grant | None = None


class KnownKeys:
    """What was asked lately. Safe to share between threads: each step is one dictionary access."""

    def __init__(self) -> None:
        self._answers: dict[PresentedKey | None, tuple[float, Answer]] = {}

    def recall(self, presented: PresentedKey | None) -> Answer | None:
        """Return an answer that is fresh enough, or None."""
        known = self._answers.get(presented)
        if known is None or time.monotonic() - known[0] > REMEMBERED_SECONDS:
            return None
        answer = known[1]
        if answer.grant is not None and not answer.grant.is_valid():
            return Answer(is_open=False)
        return answer

    def ask(self, database: Database, presented: PresentedKey | None) -> Answer:
        """Return the answer, asking the database unless another thread just did.

        Raises `ServiceUnavailable`.
        """
        if (answer := self.recall(presented)) is not None:
            return answer
        asked_at = time.monotonic()  # before: what changes meanwhile is seen no later than promised
        grant = None if presented is None else find_grant(database, presented)
        is_open = grant is None and not keys_exist(database)
        answer = Answer(is_open=is_open, grant=grant)
        if len(self._answers) >= _MOST:
            self._answers = {}
        self._answers[presented] = (asked_at, answer)
        return answer
