"""Posts a small message to a stranger's URL, under the same rules as an image is fetched.

The address is resolved once, checked, and connected to; no redirect is followed, and of the
answer little more than the head is read. It must not know what the message says.
"""

import contextlib
from dataclasses import dataclass
from functools import partial

from infra.contract.errors import ErrorCode, ProductImagesError
from infra.fetch.errors import retry_after_seconds, translated
from infra.fetch.response_headers import MAX_URL_CHARACTERS
from infra.fetch.safety.resolver import Resolver
from infra.fetch.safety.source_url import parse_source_url
from infra.fetch.transport.deadline import Deadline
from infra.fetch.transport.dialer import HEADERS, Dialer
from infra.fetch.transport.pinned import PinnedAdapter
from infra.fetch.transport.stop import Stop
from infra.settings.sections import FetchSettings

_MAX_ANSWER_BYTES = 4096  # read so that the receiver's last words do not meet a shut door


@dataclass(frozen=True, slots=True)
class Posted:
    """What the receiver answered; `retry_after_seconds` when it named a delay."""

    status: int
    retry_after_seconds: float | None


class Poster:
    """Posts; may be called from many threads."""

    def __init__(self, settings: FetchSettings, *, resolver: Resolver | None = None) -> None:
        self._dialer = Dialer(settings, resolver=resolver)

    def post(
        self,
        url: str,
        body: bytes,
        *,
        headers: dict[str, str],
        timeout_seconds: float,
        stop: Stop,
    ) -> Posted:
        """Send the body; return the answer, whatever its status.

        Raises `FetchRefused` or `FetchFailed` when there was none within the time, `Stopped` soon
        after `stop` was asked for.
        """
        with Deadline(timeout_seconds) as deadline, stop.calling(deadline.stop):
            try:
                target = parse_source_url(url, max_characters=MAX_URL_CHARACTERS)
                sent = {**HEADERS, **headers}
                ask = partial(PinnedAdapter.ask, method="POST", body=body, headers=sent)
                with self._dialer.answer(target, deadline, ask) as response:
                    with (
                        contextlib.suppress(ProductImagesError),  # the status has said everything
                        translated(target.host, ErrorCode.INCOMPLETE_BODY),
                    ):
                        response.raw.read(_MAX_ANSWER_BYTES, decode_content=False)
                    asked = retry_after_seconds(response.headers.get("Retry-After"))
                    return Posted(response.status_code, asked)
            except ProductImagesError:
                deadline.check()  # when it had to end, that is the cause
                raise
