"""Following a job survives an API that restarts, and gives up on one that never says a word."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from api.cli.client import ApiClient
from api.cli.views import job_events as module
from api.cli.views.job_events import follow
from infra.contract.errors import ErrorCode, ServiceUnavailable

AWAY = ServiceUnavailable(ErrorCode.INTERNAL_ERROR, "It is away.")
FINAL = {"id": "1", "state": "ready"}


def told(name: str, identity: str, **data: Any) -> list[str]:
    return [f"event: {name}", f"id: {identity}", f"data: {json.dumps(data)}", ""]


class Streams:
    """An API whose streams end or break as the test says; remembers what was asked for."""

    def __init__(self, *streams: list[str] | Exception) -> None:
        self._streams = list(streams)
        self.asked: list[str] = []

    @contextmanager
    def events(self, job_id: str, last_event_id: str) -> Iterator[Iterator[str]]:
        self.asked.append(last_event_id)
        stream = self._streams.pop(0) if self._streams else AWAY
        if isinstance(stream, Exception):
            raise stream
        yield iter(stream)

    def job(self, job_id: str) -> Any:
        return FINAL


def followed(streams: Streams) -> Any:
    return follow(cast(ApiClient, streams), "1", quiet=True)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0)


def test_a_broken_stream_is_taken_up_behind_the_last_event() -> None:
    streams = Streams(
        ["retry: 2000", "", *told("state", "a", state="running"), ": still here", ""],
        AWAY,
        told("progress", "b", done=1, total=2),
        told("end", "c", state="ready"),
    )

    assert followed(streams) == FINAL
    assert streams.asked == ["", "a", "a", "b"]


def test_an_event_that_was_cut_in_two_is_not_heard() -> None:
    streams = Streams(
        [*told("state", "a", state="running"), *told("end", "b", state="ready")[:2]],
        told("end", "b", state="ready"),
    )

    assert followed(streams) == FINAL
    assert streams.asked == ["", "a"]


def test_without_an_api_nobody_waits() -> None:
    streams = Streams(AWAY)

    with pytest.raises(ServiceUnavailable):
        followed(streams)
    assert streams.asked == [""]


def test_an_api_that_stays_away_is_given_up() -> None:
    streams = Streams(told("state", "a", state="running"))

    with pytest.raises(ServiceUnavailable):
        followed(streams)
    assert 10 < len(streams.asked) < 100
