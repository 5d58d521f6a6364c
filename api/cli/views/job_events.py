"""Follows a job by its stream of events: the API says when something happens."""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from api.cli.client import ApiClient
from api.cli.views.watch import progress_bar
from infra.contract.errors import ProductImagesError, ServiceUnavailable

_RECONNECTIONS = 30  # in a row without any news
_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Event:
    name: str
    id: str
    data: Any


def follow(client: ApiClient, job_id: str, *, quiet: bool = False) -> Any:
    """Return the job when it is final; show its progress meanwhile.

    A stream that breaks is taken up where it was, so an API that restarts costs nothing.
    """
    with progress_bar(quiet=quiet) as show:
        heard, left = "", _RECONNECTIONS
        while left:
            for event in _until_cut(client, job_id, heard):
                heard, left = event.id or heard, _RECONNECTIONS
                if event.name == "end":
                    return client.job(job_id)
                if event.name == "state":
                    show(description=event.data["state"])
                elif event.name == "progress":
                    show(total=event.data["total"], completed=event.data["done"])
            left -= 1
            time.sleep(_PAUSE_SECONDS)
    raise ServiceUnavailable("api_unavailable", "The API cuts off every stream of events.")


def _until_cut(client: ApiClient, job_id: str, heard: str) -> Iterator[_Event]:
    """Yield events until the stream ends or breaks; raise if there never was one."""
    try:
        with client.events(job_id, heard) as lines:
            yield from _events(lines)
    except ServiceUnavailable:
        if not heard:
            raise


def _events(lines: Iterable[str]) -> Iterator[_Event]:
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        if line:
            fields[name] = value.removeprefix(" ")
        elif "data" in fields:
            try:
                data = json.loads(fields["data"])
            except ValueError as exc:
                raise ProductImagesError("not_an_event", "The stream is none of this API.") from exc
            yield _Event(fields.get("event", ""), fields.get("id", ""), data)
            fields = {}
