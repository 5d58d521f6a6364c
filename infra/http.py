"""Plain HTTP to our own services (the API, the Prefect server): trusted, small, bounded.

Never for URLs that come from outside: those go through infra/fetch.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import requests
from urllib3.exceptions import NewConnectionError

from infra.contract.errors import ErrorCode, ServiceUnavailable

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
        """Send a request; raise `ServiceUnavailable` without an answer."""
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
    """Raise `ServiceUnavailable` unless the Prefect API is ready, its database included.

    Inconclusive unless nothing listens there: a server that is busy takes its time.
    """
    _ask_prefect(f"{api_url.rstrip('/')}/ready", timeout_seconds)


def probe_prefect_process(api_url: str, *, timeout_seconds: float = 2) -> None:
    """Raise `ServiceUnavailable` unless the process of the Prefect API answers at all."""
    _ask_prefect(f"{api_url.rstrip('/')}/health", timeout_seconds)


def anonymous_status(url: str, *, timeout_seconds: float = 10) -> int | None:
    """Return the status of an answer to a request without credentials; None when none comes."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            return session.head(url, timeout=timeout_seconds).status_code
    except requests.RequestException:
        return None


class PrefectApi:
    """Questions to the Prefect server, in its own JSON."""

    def __init__(self, api_url: str, auth_string: str = "", *, timeout_seconds: float = 10) -> None:
        """`auth_string` is `user:password`, or empty for a server that asks for nothing."""
        self._url = api_url.rstrip("/")
        user, separator, password = auth_string.partition(":")
        self._auth = (user, password) if separator else None
        self._timeout_seconds = timeout_seconds

    def ask(self, path: str, question: Mapping[str, Any]) -> Any:
        """Post a question; return the answer.

        Raises `ServiceUnavailable`, inconclusive unless Prefect refuses the user and password.
        """
        try:
            return self._request("POST", path, json=question).json()
        except requests.JSONDecodeError as exc:
            raise _prefect_away(inconclusive=True) from exc

    def filter(self, kind: str, question: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return what the server finds of a kind: `flow_runs`, `deployments` …"""
        found: list[dict[str, Any]] = self.ask(f"{kind}/filter", question)
        return found

    def date(self) -> str | None:
        """Return what the server's clock shows, as a header field writes it."""
        date: str | None = self._request("GET", "health").headers.get("Date")
        return date

    def _request(self, method: str, path: str, **arguments: Any) -> requests.Response:
        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.request(
                    method,
                    f"{self._url}/{path}",
                    auth=self._auth,
                    timeout=self._timeout_seconds,
                    **arguments,
                )
        except requests.RequestException as exc:
            raise _prefect_away(inconclusive=True) from exc
        if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            detail = "Prefect refuses what PREFECT_API_AUTH_STRING says."
            raise ServiceUnavailable(ErrorCode.PREFECT_UNAVAILABLE, detail)
        if not answer.ok:
            raise _prefect_away(inconclusive=True)
        return answer


def missing_deployments(
    api_url: str, names: Collection[str], auth_string: str = "", *, timeout_seconds: float = 10
) -> list[str]:
    """Return those that were deleted, or whose work pool or queue is gone.

    Raises `ServiceUnavailable`, inconclusive unless Prefect refuses the user and password.
    """
    wanted = {"name": {"any_": sorted(names)}}
    prefect = PrefectApi(api_url, auth_string, timeout_seconds=timeout_seconds)
    # Counting first: for each schedule that it reads, Prefect walks through all time zones.
    counted = {"deployments": wanted, "flows": wanted, "work_pools": {}}
    if prefect.ask("deployments/count", counted) == len(names):
        return []
    found = prefect.filter("deployments", {"deployments": wanted, "flows": wanted})
    usable = {each["name"] for each in found if each["work_pool_name"] and each["work_queue_id"]}
    return [name for name in names if name not in usable]


def probe_deployments(api_url: str, names: Collection[str], auth_string: str = "") -> None:
    """Raise `ServiceUnavailable`, naming them, when deployments are not in Prefect as they must be.

    While Prefect does not answer, nothing is said of deployments: that is told by `probe_prefect`.
    """
    try:
        missing = missing_deployments(api_url, names, auth_string)
    except ServiceUnavailable as exc:
        if exc.inconclusive:
            return
        raise
    if missing:
        raise ServiceUnavailable(
            ErrorCode.PREFECT_UNAVAILABLE,
            f"Prefect lacks these deployments, or the work pool of theirs: {', '.join(missing)}. "
            "Run `python -m flows.deploy` to restore them.",
        )


def _ask_prefect(url: str, timeout_seconds: float) -> None:
    try:
        with requests.Session() as session:
            session.trust_env = False  # a proxy for the outer world knows nothing of our parts
            answered = session.get(url, timeout=timeout_seconds).ok
    except requests.RequestException as exc:
        # No connection could be made: nothing listens, or there is no such host.
        reason = getattr(exc.args[0], "reason", None) if exc.args else None
        raise _prefect_away(inconclusive=not isinstance(reason, NewConnectionError)) from exc
    if not answered:
        raise _prefect_away(inconclusive=True)


def _prefect_away(*, inconclusive: bool) -> ServiceUnavailable:
    detail = "The Prefect API does not answer."
    return ServiceUnavailable(ErrorCode.PREFECT_UNAVAILABLE, detail, inconclusive=inconclusive)
