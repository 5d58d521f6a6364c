"""A shop's server that checks every signature with the standard's own verifier."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from threading import Event, Lock
from typing import Any

from standardwebhooks import Webhook

from tests.serving import LoopbackServer

_SECONDS = 30
RETRY_AFTER_SECONDS = 2  # what a 503 asks for


@dataclass(frozen=True)
class Received:
    """One request: its message id, its verified body, and the headers."""

    id: str
    body: Any
    headers: Mapping[str, str]


class Receiver(LoopbackServer):
    """Answers with the given statuses in turn, then with 204.

    With a secret, a request with a wrong signature is remembered as an error. While `gate` is
    not set, no answer is given.
    """

    def __init__(
        self, *statuses: int, secret: str | None = None, gate: Event | None = None
    ) -> None:
        self.received: list[Received] = []
        self.errors: list[Exception] = []
        self._statuses = list(statuses)
        self._verifier = None if secret is None else Webhook(secret)
        self._gate = gate
        self._lock = Lock()
        super().__init__(self._handler())

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{self.address}/hook"

    def take(self, headers: Mapping[str, str], body: bytes) -> int:
        """Remember a request and return the status to answer with."""
        with self._lock:
            try:
                shown = self._verified(headers, body)
            except Exception as exc:  # noqa: BLE001 - the test sees it
                self.errors.append(exc)
                return 401
            self.received.append(Received(headers["webhook-id"], shown, headers))
            status = self._statuses.pop(0) if self._statuses else 204
        if self._gate is not None:
            self._gate.wait(_SECONDS)
        return status

    def _verified(self, headers: Mapping[str, str], body: bytes) -> Any:
        if self._verifier is None:
            return json.loads(body)
        return self._verifier.verify(body, dict(headers))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.take({k.lower(): v for k, v in self.headers.items()}, body)
                self.send_response(status)
                if status == 503:
                    self.send_header("Retry-After", str(RETRY_AFTER_SECONDS))
                if status in (301, 302, 307, 308):
                    self.send_header("Location", receiver.url)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler
