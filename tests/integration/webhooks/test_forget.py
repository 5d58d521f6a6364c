"""Old messages are deleted with their tries; nothing that is owed is lost."""

from typing import Any

import pytest
from sqlalchemy import text

from infra.contract.events import DeliveryState
from infra.db.engine import Database
from infra.db.models.webhooks import WebhookDelivery
from infra.settings.sections import WebhookSettings
from tasks.webhooks.deliveries import replay
from tasks.webhooks.forget import forget_old_deliveries
from tests.integration.tasks.job_rows import finished
from tests.integration.webhooks.mail import attempts, deliveries

CALLBACK = "https://shop.example/done"
ENDED = [DeliveryState.DELIVERED, DeliveryState.FAILED]


def owed(database: Database, count: int = 1) -> list[WebhookDelivery]:
    """Write messages that are pending."""
    before = {row.id for row in deliveries(database)}
    for _ in range(count):
        finished(database, "a", callback_url=CALLBACK)
    return [row for row in deliveries(database) if row.id not in before]


def end(database: Database, row: WebhookDelivery, state: DeliveryState, *, days_ago: int) -> None:
    """Let a message have ended, with one try."""
    values: dict[str, Any] = {"id": row.id, "state": state, "days": days_ago}
    with database.transaction() as session:
        session.execute(
            text(
                "UPDATE webhook_deliveries SET state = :state,"
                " finished_at = now() - make_interval(days => :days) WHERE id = :id"
            ),
            values,
        )
        session.execute(
            text(
                "INSERT INTO webhook_attempts (id, delivery_id, number, duration_ms)"
                " VALUES (:id, :id, 1, 5)"
            ),
            values,
        )


@pytest.mark.parametrize("state", ENDED)
def test_what_ended_longer_ago_than_is_kept_goes_with_its_tries(
    database: Database, state: DeliveryState
) -> None:
    old, young = owed(database, 2)
    end(database, old, state, days_ago=31)
    end(database, young, state, days_ago=29)

    assert forget_old_deliveries(database, WebhookSettings()) == 1

    assert [row.id for row in deliveries(database)] == [young.id]
    assert [row.delivery_id for row in attempts(database)] == [young.id]
    assert forget_old_deliveries(database, WebhookSettings()) == 0


def test_a_message_that_is_still_owed_stays_however_old_it_is(database: Database) -> None:
    (row,) = owed(database)
    end(database, row, DeliveryState.PENDING, days_ago=4000)

    assert forget_old_deliveries(database, WebhookSettings()) == 0
    assert [kept.id for kept in deliveries(database)] == [row.id]


def test_a_message_that_was_replayed_meanwhile_stays(database: Database) -> None:
    (row,) = owed(database)
    end(database, row, DeliveryState.FAILED, days_ago=31)
    replay(database, row.id)

    assert forget_old_deliveries(database, WebhookSettings()) == 0


def test_more_than_one_batch_goes_and_the_setting_decides_what_is_old(database: Database) -> None:
    for row in owed(database, 5):
        end(database, row, DeliveryState.DELIVERED, days_ago=3)

    assert forget_old_deliveries(database, WebhookSettings(retention_days=4), batch=2) == 0
    assert forget_old_deliveries(database, WebhookSettings(retention_days=2), batch=2) == 5
    assert deliveries(database) == []
