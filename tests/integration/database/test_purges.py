"""What deletes old rows reads old rows only, however many others there are."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from infra.db.engine import Database
from infra.settings.sections import WebhookSettings
from tasks.submission.idempotency import forget_expired_keys
from tasks.upkeep.retire import retire_unshown
from tasks.webhooks.forget import forget_old_deliveries

Purge = Callable[[Database], object]


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect what is sent to PostgreSQL, with its values in it."""
    seen: list[str] = []

    def note(_: Any, cursor: Any, statement: str, parameters: Any, *__: Any) -> None:
        seen.append(cursor.mogrify(statement, parameters).decode())

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def plan(database: Database, statement: str) -> str:
    """Return how PostgreSQL would find the rows if reading a whole table cost too much."""
    with database.transaction() as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        return "\n".join(session.connection().exec_driver_sql(f"EXPLAIN {statement}").scalars())


@pytest.mark.parametrize(
    ("purge", "age", "index"),
    [
        (forget_expired_keys, "expires_at <=", "ix_idempotency_keys_expires_at"),
        (
            lambda database: forget_old_deliveries(database, WebhookSettings()),
            "finished_at <",
            "ix_webhook_deliveries_finished",
        ),
        (retire_unshown, "removed_until <", "ix_retirements_removed"),
    ],
    ids=["idempotency keys", "deliveries", "retirements"],
)
def test_a_purge_finds_its_rows_by_their_age(
    own_database: Database, purge: Purge, age: str, index: str
) -> None:
    with statements() as seen:
        purge(own_database)
    (by_age,) = [statement for statement in seen if age in statement]
    assert index in plan(own_database, by_age)
