"""Names of dead letters, and what is read from RabbitMQ's headers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pika import BasicProperties, spec  # type: ignore[import-untyped]  # pika ships no types

from infra.broker.rabbitmq.dead_letters import DeadLetter, headers_for_replay, read_letter
from infra.contract.states import Lane

DIED_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
JOB = "019b0c5e-7a1f-7c3d-9e52-4f0d6a8b1c2e"
DEATH = {"count": 1, "reason": "rejected", "queue": "p.bulk", "time": DIED_AT}


def read(
    headers: dict[str, Any] | None, body: bytes = b"body", routing_key: str = "bulk"
) -> DeadLetter:
    method = spec.Basic.Deliver(delivery_tag=7, routing_key=routing_key)
    return read_letter(method, BasicProperties(headers=headers), body)


def facts(letter: DeadLetter) -> tuple[object, ...]:
    return (letter.lane, letter.died_at, letter.reason, letter.times)


def test_an_id_depends_on_nothing_but_the_letter() -> None:
    headers = {"x-death": [DEATH]}
    assert read(headers).id == read({**headers, "tenant": "t"}).id
    assert len(read(headers).id) == 12


@pytest.mark.parametrize(
    "change",
    [
        {"body": b"bod"},
        {"routing_key": "interactive"},
        {"routing_key": "elsewhere"},
        {"headers": {"x-death": [{**DEATH, "time": DIED_AT + timedelta(seconds=1)}]}},
        {"headers": {"x-death": [{**DEATH, "time": None}]}},
        {"headers": {"x-death": [{**DEATH, "reason": "expired"}]}},
        {"headers": {"x-death": [{**DEATH, "count": 2}]}},
    ],
    ids=str,
)
def test_another_death_has_another_id(change: dict[str, Any]) -> None:
    headers = {"x-death": [DEATH]}
    assert read(**{"headers": headers, **change}).id != read(headers).id


@pytest.mark.parametrize(
    ("body", "job_id"),
    [
        (b'{"version": 1, "job_id": "%s", "lane": "bulk"}' % JOB.encode(), JOB),
        (b'{"job_id": "%s"}' % JOB.encode(), JOB),
        (b'{"job_id": 7}', None),
        (b'{"job_id": "7"}', None),
        (b"[]", None),
        (b"{}", None),
        (b"null", None),
        (b"\xff", None),
        (b"", None),
        (b"[" * 100_000, None),
    ],
    ids=lambda value: str(value)[:30],
)
def test_the_job_of_a_body_is_read_where_there_is_one(body: bytes, job_id: str | None) -> None:
    assert read(None, body).named("job_id") == job_id


def test_the_latest_of_several_deaths_is_told() -> None:
    before = {**DEATH, "reason": "expired", "time": DIED_AT - timedelta(1)}
    letter = read({"x-death": [{**DEATH, "count": 2}, before]})
    assert facts(letter) == (Lane.BULK, DIED_AT, "rejected", 2)


def test_a_time_without_a_zone_is_utc() -> None:
    letter = read({"x-death": [{**DEATH, "time": DIED_AT.replace(tzinfo=None)}]})
    assert letter.died_at == DIED_AT


@pytest.mark.parametrize(
    "headers",
    [
        None,
        {"x-death": None},
        {"x-death": []},
        {"x-death": ["?"]},
        {"x-death": "?"},
        {"x-death": [{"count": "many", "reason": 7, "time": "today"}], "deaths-before": "few"},
    ],
    ids=str,
)
def test_strange_headers_leave_the_facts_unknown(headers: dict[str, Any] | None) -> None:
    assert facts(read(headers, routing_key="elsewhere")) == (None, None, None, 1)


def test_a_replay_carries_the_count_on_and_drops_what_the_broker_wrote() -> None:
    headers = {"x-death": [{"count": 1}], "x-first-death-queue": "p.bulk", "tenant": "t"}
    sent = headers_for_replay(headers, 3)
    assert sent == {"tenant": "t", "deaths-before": 3}
    assert read({**sent, "x-death": [{"count": 1}]}).times == 4
