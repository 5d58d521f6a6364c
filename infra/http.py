"""Plain HTTP to our own services (the API, the Prefect server): trusted, small, bounded.

Never for URLs that come from outside: those go through infra/fetch.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests

from infra.errors import ErrorCode, ServiceUnavailable

_TIMEOUT_SECONDS = (3.0, 30.0)
_PIECE_BYTES = 65_536


class ServiceClient:
    """JSON requests against one base URL; keeps its connections. Not for several threads."""

    def __init__(self, base_url: str, headers: Mapping[str, str] | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update(headers or {})

    def request(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Send a request; raise `ServiceUnavailable` when nobody answers."""
        arguments.setdefault("timeout", _TIMEOUT_SECONDS)
        try:
            return self._session.request(method, self.base_url + path, **arguments)
        except requests.RequestException as exc:
            raise ServiceUnavailable(
                ErrorCode.INTERNAL_ERROR, f"{self.base_url} does not answer."
            ) from exc

    @contextmanager
    def stream(self, path: str, headers: Mapping[str, str]) -> Iterator[requests.Response]:
        """Yield an answer whose body comes bit by bit, for `lines_of`."""
        with self.request("GET", path, headers=headers, stream=True) as response:
            yield response

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()


def lines_of(response: requests.Response) -> Iterator[str]:
    """Yield the lines of a streamed answer as they come; raise `ServiceUnavailable` if it breaks.

    A silence longer than the time-out of the request is a break too.
    """
    try:
        for line in response.iter_lines(chunk_size=1):
            yield line.decode(errors="replace")
    except requests.RequestException as exc:
        raise ServiceUnavailable(
            ErrorCode.INTERNAL_ERROR, f"The stream {response.url} was cut off."
        ) from exc


def pieces_of(response: requests.Response) -> Iterator[bytes]:
    """Yield a streamed answer in pieces as it comes; raise `ServiceUnavailable` if it breaks."""
    try:
        yield from response.iter_content(_PIECE_BYTES)
    except requests.RequestException as exc:
        raise ServiceUnavailable(
            ErrorCode.INTERNAL_ERROR, f"The download {response.url} was cut off."
        ) from exc


def probe_prefect(api_url: str, *, timeout_seconds: float = 2) -> None:
    """Raise `ServiceUnavailable` unless the Prefect API is ready, its database included."""
    try:
        response = requests.get(f"{api_url.rstrip('/')}/ready", timeout=timeout_seconds)
        healthy = response.ok
    except requests.RequestException as exc:
        raise _prefect_away() from exc
    if not healthy:
        raise _prefect_away()


def _prefect_away() -> ServiceUnavailable:
    return ServiceUnavailable(ErrorCode.PREFECT_UNAVAILABLE, "The Prefect API does not answer.")
