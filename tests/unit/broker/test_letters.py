"""Names of dead letters, and what is read from RabbitMQ's headers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from infra.broker.dead_letters import ID_CHARACTERS, Death, LetterSelection, Names
from infra.broker.rabbitmq.death import headers_for_replay, read_death
from infra.contract.states import Lane

DIED_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DEATH = Death(b"body", Lane.BULK, DIED_AT, "rejected")
JOB = UUID("019b0c5e-7a1f-7c3d-9e52-4f0d6a8b1c2e")


def name(death: Death) -> str:
    return Names().name(death).id


def test_an_id_depends_on_nothing_but_the_letter() -> None:
    names = Names()
    names.name(replace(DEATH, body=b"another"))
    assert names.name(DEATH).id == name(DEATH)
    assert len(name(DEATH)) == ID_CHARACTERS


@pytest.mark.parametrize(
    "change",
    [
        {"body": b"bod"},
        {"lane": Lane.INTERACTIVE},
        {"lane": None},
        {"died_at": DIED_AT + timedelta(seconds=1)},
        {"died_at": None},
        {"reason": "expired"},
        {"times": 2},
    ],
    ids=str,
)
def test_another_death_has_another_id(change: dict[str, Any]) -> None:
    assert name(replace(DEATH, **change)) != name(DEATH)


def test_letters_that_are_alike_are_told_apart_by_their_place() -> None:
    names = Names()
    twins = [names.name(DEATH).id for _ in range(3)]
    assert len(set(twins)) == 3
    assert twins[0] == name(DEATH)


@pytest.mark.parametrize(
    ("body", "job_id"),
    [
        (b'{"version": 1, "job_id": "%s", "lane": "bulk"}' % str(JOB).encode(), JOB),
        (b'{"job_id": "%s"}' % str(JOB).encode(), JOB),
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
def test_the_job_of_a_body_is_read_where_there_is_one(body: bytes, job_id: UUID | None) -> None:
    assert replace(DEATH, body=body).job_id == job_id


def test_an_errand_finds_each_letter_once_and_knows_what_is_missing() -> None:
    letter = Names().name(DEATH)
    selection = LetterSelection.for_letters([letter.id, "other", letter.id])
    assert selection.takes(letter)
    assert not selection.takes(letter)
    assert not selection.is_over()
    assert list(selection.result().missing) == ["other"]


def test_an_errand_for_nothing_is_over() -> None:
    assert LetterSelection.for_letters([]).is_over()


def test_the_latest_of_several_deaths_is_told() -> None:
    deaths = [
        {"count": 2, "reason": "rejected", "queue": "p.bulk", "time": DIED_AT},
        {"count": 1, "reason": "expired", "queue": "elsewhere", "time": DIED_AT - timedelta(1)},
    ]
    death = read_death(b"body", "bulk", headers={"x-death": deaths})
    assert death == replace(DEATH, times=2)


def test_a_time_without_a_zone_is_utc() -> None:
    deaths = [{"count": 1, "reason": "rejected", "time": DIED_AT.replace(tzinfo=None)}]
    assert read_death(b"body", "bulk", headers={"x-death": deaths}) == DEATH


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-death": None},
        {"x-death": []},
        {"x-death": ["?"]},
        {"x-death": "?"},
        {"x-death": [{"count": "many", "reason": 7, "time": "today"}], "deaths-before": "few"},
    ],
    ids=str,
)
def test_strange_headers_leave_the_facts_unknown(headers: dict[str, Any]) -> None:
    assert read_death(b"body", "elsewhere", headers=headers) == Death(b"body", None, None, None)


def test_a_replay_carries_the_count_on_and_drops_what_the_broker_wrote() -> None:
    headers = {"x-death": [{"count": 1}], "x-first-death-queue": "p.bulk", "tenant": "t"}
    sent = headers_for_replay(headers, 3)
    assert sent == {"tenant": "t", "deaths-before": 3}
    assert read_death(b"", "bulk", headers={**sent, "x-death": [{"count": 1}]}).times == 4
