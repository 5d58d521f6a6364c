"""The threads that bring webhook messages to their receivers; several processes may have them."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self

import structlog

from infra.db.engine import Database
from infra.errors import ServiceUnavailable
from infra.settings import WebhookSettings
from infra.webhooks.sender import Send
from tasks.webhooks.deliver import deliver
from tasks.webhooks.take import Taken, take_due

log = structlog.get_logger(__name__)

_POLL_SECONDS = 1.0
_LEASE_BEYOND_TIMEOUT_SECONDS = 15  # for writing the result, and a slow machine


class Courier:
    """Looks for due messages every second and after each one that was sent."""

    def __init__(self, database: Database, send: Send, settings: WebhookSettings) -> None:
        self._database = database
        self._send = send
        self._settings = settings
        self._lease_seconds = settings.timeout_seconds + _LEASE_BEYOND_TIMEOUT_SECONDS
        self._work = Event()
        self._stopping = False
        self._in_outage = False
        self._lock = Lock()
        self._under_way: Counter[str] = Counter()
        self._pool = ThreadPoolExecutor(settings.threads, thread_name_prefix="courier")
        self._thread = Thread(target=self._run, name="courier", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take nothing more and wait for what is under way: end it by leaving the sender first."""
        self._stopping = True
        self._work.set()
        self._thread.join(timeout=10)
        self._pool.shutdown()

    def _run(self) -> None:
        while not self._stopping:
            self._work.wait(_POLL_SECONDS)
            self._work.clear()
            self._look()

    def _look(self) -> None:
        try:
            while not self._stopping and (taken := self._next()) is not None:
                self._pool.submit(self._deliver, taken)
            if self._in_outage:
                self._in_outage = False
                log.info("sending webhooks again")
        except ServiceUnavailable as exc:
            if not self._in_outage:
                self._in_outage = True
                log.warning("webhooks wait", code=exc.code, reason=exc.detail)
        except Exception:  # the thread must outlive any surprise; it is logged
            log.exception("looking for webhooks failed")

    def _next(self) -> Taken | None:
        """Take a message if a thread is free, leaving one for others where a receiver is slow."""
        share = max(1, self._settings.threads - 1)
        with self._lock:
            if self._under_way.total() >= self._settings.threads:
                return None
            crowded = [url for url, count in self._under_way.items() if count >= share]
        taken = take_due(self._database, lease_seconds=self._lease_seconds, crowded=crowded)
        if taken is not None:
            with self._lock:
                self._under_way[taken.url] += 1
        return taken

    def _deliver(self, taken: Taken) -> None:
        try:
            deliver(self._database, taken, send=self._send, settings=self._settings)
        except Exception:  # its lease ends and it is sent again; the log has the cause
            log.exception("delivery failed", delivery_id=str(taken.id))
        finally:
            with self._lock:
                self._under_way[taken.url] -= 1
                self._under_way = +self._under_way
            self._work.set()
