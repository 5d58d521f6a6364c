"""Signs one message as Standard Webhooks say, brings it to its receiver, and tells what came of it.

It sends once and does not retry, and it must not know why the message is sent.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Self

from standardwebhooks import Webhook

from infra.contract.errors import ErrorCode, ProductImagesError, Stopped
from infra.fetch.transport.stop import Stop
from infra.fetch.webhook_post import Poster
from infra.settings.sections import FetchSettings, WebhookSettings

_SUCCESS = range(200, 300)


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent. `id` stays the same over all tries; without a secret it is not signed."""

    id: str
    url: str
    payload: str
    secret: str | None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one try: no error code means that the receiver has the message.

    `status` is None when there was no answer.
    """

    status: int | None
    error_code: str | None
    duration_ms: int
    retry_after_seconds: float | None = None

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver confirmed the message."""
        return self.error_code is None

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants nothing more, ever."""
        return self.status == HTTPStatus.GONE

    @property
    def is_blocked(self) -> bool:
        """Whether the receiver has an address that nothing is sent to: no later try helps."""
        return self.error_code == ErrorCode.BLOCKED_ADDRESS


class WebhookSender:
    """Sends; may be called from many threads. Leaving its block ends what is under way."""

    def __init__(self, fetch: FetchSettings, webhooks: WebhookSettings) -> None:
        self._poster = Poster(fetch)
        self._timeout_seconds = webhooks.timeout_seconds
        self._stop = Stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.stop()

    def send(self, message: Message) -> Reply:
        """Send the message once; raise `Stopped` when the sender's block was left."""
        started, now = time.monotonic(), datetime.now(UTC)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message.id,
            "webhook-timestamp": str(int(now.timestamp())),
        }
        if message.secret is not None:
            signature = Webhook(message.secret).sign(message.id, now, message.payload)
            headers["webhook-signature"] = signature
        try:
            posted = self._poster.post(
                message.url,
                message.payload.encode(),
                headers=headers,
                timeout_seconds=self._timeout_seconds,
                stop=self._stop,
            )
        except Stopped:
            raise
        except ProductImagesError as exc:
            return Reply(None, exc.code, _milliseconds_since(started))
        code = None if posted.status in _SUCCESS else f"http_{posted.status}"
        duration_ms = _milliseconds_since(started)
        return Reply(posted.status, code, duration_ms, posted.retry_after_seconds)


Send = Callable[[Message], Reply]


def failed_here() -> Reply:
    """Return the reply to a try that ended in a mistake of ours."""
    return Reply(None, ErrorCode.INTERNAL_ERROR, 0)


def _milliseconds_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
