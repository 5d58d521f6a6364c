"""The thread that publishes committed jobs, so that no answer depends on the broker."""

from threading import Event, Thread
from types import TracebackType
from typing import Self

import structlog

from infra.broker.broker import Publisher
from infra.db.engine import Database
from infra.errors import ServiceUnavailable
from infra.settings import DispatchSettings
from tasks.dispatch import dispatch_due

log = structlog.get_logger(__name__)


class Dispatcher:
    """Publishes soon after `wake`, and looks by itself every `poll_seconds`."""

    def __init__(
        self, database: Database, publisher: Publisher, settings: DispatchSettings
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._settings = settings
        self._work = Event()
        self._stopping = False
        self._in_outage = False
        self._thread = Thread(target=self._run, name="dispatcher", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping = True
        self._work.set()
        self._thread.join(timeout=10)

    def wake(self) -> None:
        """Say that a job was committed."""
        self._work.set()

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._work.wait(self._settings.poll_seconds)
                self._work.clear()
                self._publisher.pump()
                self._drain()
        finally:
            self._publisher.close()

    def _drain(self) -> None:
        try:
            while not self._stopping:
                count = dispatch_due(self._database, self._publisher, self._settings)
                if self._in_outage:
                    self._in_outage = False
                    log.info("dispatching again")
                if count < self._settings.batch_size:
                    return
        except ServiceUnavailable as exc:
            if not self._in_outage:
                self._in_outage = True
                log.warning("dispatch waits", code=exc.code, reason=exc.detail)
        except Exception:  # the thread must outlive any surprise; it is logged
            log.exception("dispatch failed")
