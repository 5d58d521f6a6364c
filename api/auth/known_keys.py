"""Remembers for a few seconds what the database said about keys.

So a request costs no query of its own, and a revoked key is refused within `REMEMBERED_SECONDS` in
every process. When the database is away nothing old is trusted: the question stays unanswered.
"""

import time
from dataclasses import dataclass

from infra.db.engine import Database
from tasks.keys.form import Credential
from tasks.keys.grant import Grant, find_grant, keys_exist

REMEMBERED_SECONDS = 3.0
_MOST = 10_000  # answers that are kept: invented keys must not fill the memory


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller may do. While no key exists (`is_open`), all callers may do everything."""

    is_open: bool
    grant: Grant | None = None


class KnownKeys:
    """What was asked lately. Safe to share between threads: each step is one dictionary access."""

    def __init__(self) -> None:
        self._answers: dict[Credential | None, tuple[float, Answer]] = {}
        self._is_open: bool | None = None  # as it was seen last
        self._good: dict[Credential, None] = {}  # made-up keys never push these out

    def recall(self, presented: Credential | None) -> Answer | None:
        """Return an answer that is fresh enough, or None."""
        known = self._answers.get(presented)
        if known is None or time.monotonic() - known[0] > REMEMBERED_SECONDS:
            return None
        answer = known[1]
        if answer.grant is not None and not answer.grant.is_valid():
            return Answer(is_open=False)
        return answer

    def last(self, presented: Credential | None) -> Answer | None:
        """Return what was answered last, however long ago: for what may be told in an outage."""
        if presented is None:
            return None if self._is_open is None else Answer(is_open=self._is_open)
        known = self._answers.get(presented)
        return None if known is None else known[1]

    def look_for_keys(self, database: Database) -> None:
        """Note whether any key exists, for `last`. Raises `ServiceUnavailable`."""
        self._is_open = not keys_exist(database)

    def ask(self, database: Database, presented: Credential | None) -> Answer:
        """Return the answer, asking the database unless another thread just did.

        Raises `ServiceUnavailable`.
        """
        if (answer := self.recall(presented)) is not None:
            return answer
        asked_at = time.monotonic()  # before: what changes meanwhile is seen no later than promised
        grant = None if presented is None else find_grant(database, presented)
        is_open = False
        if grant is None:
            without_key = self._answers.get(None)
            if presented is None or without_key is None or self.recall(None) is None:
                is_open = not keys_exist(database)
            else:  # said lately: no second query, and remembered no longer than that one
                asked_at, is_open = without_key[0], without_key[1].is_open
        if presented is not None and grant is not None:
            if len(self._good) >= _MOST:
                self._good = {}
            self._good[presented] = None
        elif presented is not None:
            self._good.pop(presented, None)
        if len(self._answers) >= _MOST:
            self._answers = {}
        answer = Answer(is_open=is_open, grant=grant)
        self._answers[presented] = (asked_at, answer)
        return answer

    def was_good(self, presented: Credential) -> bool:
        """Whether this key opened something the last time that it was asked about."""
        return presented in self._good
