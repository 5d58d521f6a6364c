"""A listener of server-sent events, as a browser is one: it remembers the last id."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from tests.contract.api.support.running import Api

_SECONDS = 60
_MOST_SECONDS = 60


@dataclass(frozen=True)
class Heard:
    """One event, or a comment, which has no name."""

    name: str
    id: str
    data: Any


@dataclass(frozen=True)
class Stream:
    """An open stream."""

    response: requests.Response
    events: Iterator[Heard]

    def next(self, name: str) -> Heard:
        """Return the next event of this name."""
        return next(event for event in self.events if event.name == name)


@contextmanager
def listening(
    api: Api,
    path: str,
    last_event_id: str | None = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> Iterator[Stream]:
    """Open a stream of events; a silence of many seconds fails."""
    headers = dict(headers or {})
    if last_event_id is not None:
        headers["Last-Event-ID"] = last_event_id
    with requests.Session() as session:
        session.trust_env = False
        response = session.get(
            f"{api.url}{path}/events", headers=headers, stream=True, timeout=_SECONDS
        )
        try:
            yield Stream(response, _events(response))
        finally:
            response.close()


def _events(response: requests.Response) -> Iterator[Heard]:
    fields: dict[str, str] = {}
    deadline = time.monotonic() + _MOST_SECONDS
    for line in response.iter_lines(chunk_size=1, decode_unicode=True):
        assert time.monotonic() < deadline, "the stream does not end"  # comments come for ever
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.strip()
        else:
            yield Heard(
                fields.get("event", ""),
                fields.get("id", ""),
                json.loads(fields.get("data", "null")),
            )
            fields = {}
