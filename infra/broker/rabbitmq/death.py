"""Reads what RabbitMQ writes on a message that it dead-letters. Pure, no connection.

`x-death` is a list with one entry per queue and reason, the latest first, whose time has a
resolution of a second. It is the same in 3.10 and 4.x, with one difference that matters: since
3.13 the broker does not go on counting in an `x-death` that a client sends. So a replay drops
what the broker wrote and counts in a header of its own.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from infra.broker.dead_letters import Death
from infra.contract.states import Lane

DEATHS_BEFORE = "deaths-before"


def read_death(body: bytes, routing_key: str, *, headers: Mapping[str, Any]) -> Death:
    """Return the death of a message; what is missing or strange in the headers is None."""
    last = _last(headers.get("x-death"))
    return Death(
        body=body,
        lane=_lane(routing_key),
        died_at=_moment(last.get("time")),
        reason=_text(last.get("reason")),
        times=_count(headers.get(DEATHS_BEFORE)) + max(_count(last.get("count")), 1),
    )


def headers_for_replay(headers: Mapping[str, Any], times: int) -> dict[str, Any]:
    """Return the sender's own headers, and how often the message has died so far."""
    own = {name: value for name, value in headers.items() if not name.startswith("x-")}
    return {**own, DEATHS_BEFORE: times}


def _last(deaths: object) -> Mapping[str, Any]:
    if isinstance(deaths, list) and deaths and isinstance(deaths[0], dict):
        return deaths[0]
    return {}


def _lane(routing_key: str) -> Lane | None:
    """A dead letter keeps the routing key that it was published with: its lane."""
    try:
        return Lane(routing_key)
    except ValueError:
        return None


def _moment(value: object) -> datetime | None:
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
