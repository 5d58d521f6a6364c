"""Workers are known to live by what they said not long ago."""

from sqlalchemy import text

from infra.db.engine import Database
from tasks.workers.heartbeat import live_workers, send_heartbeat
from tests.integration.tasks.job_rows import ELSEWHERE, HERE, count


def age(database: Database, owner: str, interval: str) -> None:
    statement = "UPDATE workers SET seen_at = now() - interval '{}' WHERE owner = :owner"
    with database.transaction() as session:
        session.execute(text(statement.format(interval)), {"owner": owner})


def test_a_worker_is_present_while_it_reports(database: Database) -> None:
    for owner in (HERE, ELSEWHERE, HERE):
        send_heartbeat(database, owner)
    age(database, ELSEWHERE, "31 seconds")

    assert live_workers(database, 30) == {HERE}
    assert live_workers(database, 60) == {HERE, ELSEWHERE}


def test_a_worker_that_reports_again_is_present_again(database: Database) -> None:
    send_heartbeat(database, HERE)
    age(database, HERE, "10 minutes")
    assert live_workers(database, 30) == frozenset()

    send_heartbeat(database, HERE)

    assert live_workers(database, 30) == {HERE}


def test_a_worker_that_was_silent_for_a_day_is_forgotten(database: Database) -> None:
    for owner in (HERE, "yesterday", "this morning"):
        send_heartbeat(database, owner)
    age(database, "yesterday", "25 hours")
    age(database, "this morning", "23 hours")

    send_heartbeat(database, HERE)

    assert count(database, "workers") == 2
