"""The thread that publishes committed jobs, so that no answer depends on the broker."""

from typing import Final

from api.background.periodic_thread import PeriodicThread, Words
from infra.broker.broker import Publisher
from infra.db.engine import Database
from infra.settings.sections import DispatchSettings
from tasks.jobs.dispatch import dispatch_due

_WORDS: Final = Words(
    thread="dispatcher",
    waits="dispatch waits",
    again="dispatching again",
    failed="dispatch failed",
)


class Dispatcher(PeriodicThread):
    """Publishes soon after `wake`, and looks by itself every `poll_seconds`."""

    def __init__(
        self, database: Database, publisher: Publisher, settings: DispatchSettings
    ) -> None:
        super().__init__(_WORDS, seconds=settings.poll_seconds, at_end=publisher.close)
        self._database = database
        self._publisher = publisher
        self._settings = settings

    def look(self) -> None:
        """Publish every job that is due."""
        self._publisher.pump()
        while not self.is_stopping:
            count = dispatch_due(self._database, self._publisher, self._settings)
            if count < self._settings.batch_size:
                return
