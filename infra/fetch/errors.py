"""Turns what went wrong during a fetch into our own errors: vendor exceptions end here."""

import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import requests
import urllib3

from infra.contract.errors import ErrorCode, FetchFailed, FetchRefused, ProductImagesError

_RETRYABLE_STATUSES = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)
_SERVER_ERRORS = range(500, 600)
_MAX_RETRY_AFTER_SECONDS = 86_400.0  # a day: no supplier may park a job for ever
_DAY_DIGITS = 9  # enough to be capped; a longer number would only cost time to read

# The first that matches a cause counts.
_SENTENCES: tuple[tuple[type[BaseException], ErrorCode, str], ...] = (
    (TimeoutError, ErrorCode.READ_TIMEOUT, "{host} stopped sending."),
    (ssl.SSLError, ErrorCode.TLS_ERROR, "No secure connection to {host} could be made."),
)
_BROKEN = {
    ErrorCode.PROTOCOL_ERROR: "{host} did not answer in proper HTTP.",
    ErrorCode.INCOMPLETE_BODY: "{host} sent less than it announced.",
}


@contextmanager
def translated(host: str, otherwise: ErrorCode) -> Iterator[None]:
    """Raise `FetchFailed` or `FetchRefused` for whatever requests or urllib3 raise inside.

    `otherwise` is the code of a broken answer, which depends on how far it had come.
    """
    try:
        yield
    except (requests.RequestException, urllib3.exceptions.HTTPError) as exc:
        causes: list[BaseException] = []
        cause: BaseException | None = exc
        while cause is not None:
            causes.append(cause)
            cause = cause.__cause__ or cause.__context__
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
            told = f"The certificate of {host} is not valid."
            raise FetchRefused(ErrorCode.TLS_ERROR, told) from exc
        for kind, code, detail in _SENTENCES:
            if any(isinstance(cause, kind) for cause in causes):
                raise FetchFailed(code, detail.format(host=host)) from exc
        raise FetchFailed(otherwise, _BROKEN[otherwise].format(host=host)) from exc


def status_error(status: int, headers: Mapping[str, str]) -> ProductImagesError:
    """Return the error of an answer that is not the image, with the status in its code."""
    code = f"http_{status}"
    detail = f"The server answered with status {status}."
    if status in _RETRYABLE_STATUSES or status in _SERVER_ERRORS:
        return FetchFailed(code, detail, retry_after_seconds(headers.get("Retry-After")))
    return FetchRefused(code, detail)


def retry_after_seconds(value: str | None, *, now: datetime | None = None) -> float | None:
    """Read a Retry-After header in either form; None when it is absent or unreadable."""
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]+", text, re.ASCII):
        return min(float(text[:_DAY_DIGITS]), _MAX_RETRY_AFTER_SECONDS)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = (moment - (now or datetime.now(UTC))).total_seconds()
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER_SECONDS)
