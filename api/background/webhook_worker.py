"""The threads that bring webhook messages to their receivers; several processes may have them."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Final

import structlog

from api.background.periodic_thread import PeriodicThread, Words
from infra.db.engine import Database
from infra.settings.sections import WebhookSettings
from infra.webhooks.sender import Send
from tasks.webhooks.deliver import deliver
from tasks.webhooks.take import Taken, take_due

log = structlog.get_logger(__name__)

_WORDS: Final = Words(
    thread="webhook worker",
    waits="webhooks wait",
    again="sending webhooks again",
    failed="looking for webhooks failed",
)
_POLL_SECONDS = 1.0
_LEASE_BEYOND_TIMEOUT_SECONDS = 15  # for writing the result, and a slow machine


class WebhookWorker(PeriodicThread):
    """Looks for due messages every second and after each one that was sent."""

    def __init__(self, database: Database, send: Send, settings: WebhookSettings) -> None:
        super().__init__(_WORDS, seconds=_POLL_SECONDS)
        self._database = database
        self._send = send
        self._settings = settings
        self._lease_seconds = settings.timeout_seconds + _LEASE_BEYOND_TIMEOUT_SECONDS
        self._lock = Lock()
        self._under_way: Counter[str] = Counter()
        self._pool = ThreadPoolExecutor(settings.threads, thread_name_prefix="webhook worker")

    def __exit__(self, *_: object) -> None:
        """Take nothing more and wait for what is under way: end it by leaving the sender first."""
        super().__exit__()
        self._pool.shutdown()

    def look(self) -> None:
        """Take what is due, as long as a thread is free for it; a slow receiver leaves one free."""
        share = max(1, self._settings.threads - 1)
        while not self.is_stopping:
            with self._lock:
                if self._under_way.total() >= self._settings.threads:
                    return
                crowded = [host for host, count in self._under_way.items() if count >= share]
            taken = take_due(self._database, lease_seconds=self._lease_seconds, crowded=crowded)
            if taken is None:
                return
            with self._lock:
                self._under_way[taken.host] += 1
            self._pool.submit(self._deliver, taken)

    def _deliver(self, taken: Taken) -> None:
        try:
            deliver(self._database, taken, send=self._send, settings=self._settings)
        except Exception:  # its lease ends and it is sent again; the log has the cause
            log.exception("delivery failed", delivery_id=str(taken.id))
        finally:
            with self._lock:
                self._under_way[taken.host] -= 1
                self._under_way = +self._under_way
            self.wake()
