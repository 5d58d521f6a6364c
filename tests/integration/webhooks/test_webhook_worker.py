"""Messages reach their receivers at least once, whatever fails on the way."""

import signal
import subprocess
import sys
from contextlib import ExitStack
from datetime import timedelta
from threading import Event as Flag

from infra.contract.events import DeliveryState
from infra.contract.webhook_secret import new_secret
from infra.db.engine import Database
from infra.settings.sections import FetchSettings
from tasks.webhooks.deliveries import replay
from tasks.webhooks.endpoints import read_endpoint
from tests.integration.tasks.job_rows import finished
from tests.integration.webhooks.mail import (
    attempts,
    change_all,
    deliveries,
    ended,
    patient,
    registered,
    webhook_worker,
)
from tests.integration.webhooks.receiver import RETRY_AFTER_SECONDS, Receiver
from tests.waiting import eventually

_SECONDS = 60


def test_a_receiver_that_fails_four_times_gets_one_message_with_one_id(database: Database) -> None:
    secret = new_secret()
    with Receiver(500, 502, 429, 404, secret=secret) as receiver:
        registered(database, receiver.url, secret=secret)
        job = finished(database, "a")
        with webhook_worker(database):
            (row,) = ended(database)

    assert receiver.errors == []
    assert row.state is DeliveryState.DELIVERED
    assert [message.id for message in receiver.received] == [f"msg_{row.id.hex}"] * 5
    assert {message.body["data"]["job_id"] for message in receiver.received} == {str(job.job_id)}
    assert [(a.number, a.status, a.error_code) for a in attempts(database)] == [
        (1, 500, "http_500"),
        (2, 502, "http_502"),
        (3, 429, "http_429"),
        (4, 404, "http_404"),
        (5, 204, None),
    ]


def test_a_callback_url_is_signed_with_the_secret_of_the_settings(database: Database) -> None:
    secret = new_secret()
    with Receiver(secret=secret) as receiver:
        finished(database, "a", callback_url=receiver.url)
        with webhook_worker(database, patient(secret=secret)):
            ended(database)

    assert (len(receiver.received), receiver.errors) == (1, [])


def test_without_a_secret_a_callback_url_gets_no_signature(database: Database) -> None:
    with Receiver() as receiver:
        finished(database, "a", callback_url=receiver.url)
        with webhook_worker(database):
            ended(database)

    (message,) = receiver.received
    assert message.id
    assert "webhook-signature" not in message.headers


def test_the_secret_of_another_is_not_accepted(database: Database) -> None:
    with Receiver(secret=new_secret()) as receiver:
        registered(database, receiver.url, secret=new_secret())
        finished(database, "a")
        with webhook_worker(database):
            eventually(lambda: receiver.errors, "a wrong signature was seen")

    assert receiver.received == []


def test_two_couriers_deliver_each_message_once(database: Database) -> None:
    with Receiver() as receiver:
        registered(database, receiver.url)
        for number in range(30):
            finished(database, str(number))
        with webhook_worker(database), webhook_worker(database):
            rows = ended(database)

    assert sorted(m.id for m in receiver.received) == sorted(f"msg_{row.id.hex}" for row in rows)
    assert len(attempts(database)) == 30


def test_a_process_killed_between_commit_and_delivery_loses_no_message(
    database: Database, own_url: str
) -> None:
    with Receiver() as receiver:
        command = (sys.executable, "-m", "tests.integration.webhooks.dying", own_url, receiver.url)
        done = subprocess.run(command, timeout=_SECONDS, check=False)
        assert done.returncode == -signal.SIGKILL
        assert receiver.received == []

        with webhook_worker(database):
            (row,) = ended(database)

    assert [message.id for message in receiver.received] == [f"msg_{row.id.hex}"]


def test_a_courier_killed_while_it_sends_is_followed_by_another_with_the_same_id(
    database: Database, own_url: str
) -> None:
    gate = Flag()
    with Receiver(gate=gate) as receiver:
        finished(database, "a", callback_url=receiver.url)
        dying = subprocess.Popen(
            (sys.executable, "-m", "tests.integration.webhooks.sending", own_url)
        )
        eventually(lambda: receiver.received, "the message is under way", seconds=_SECONDS)
        dying.kill()
        dying.wait(_SECONDS)
        gate.set()
        change_all(database, "webhook_deliveries", "due_at = now()")  # as time ends the lease

        with webhook_worker(database):
            (row,) = ended(database)

    assert [message.id for message in receiver.received] == [f"msg_{row.id.hex}"] * 2
    assert [attempt.number for attempt in attempts(database)] == [2]


def test_a_courier_that_is_stopped_gives_back_what_it_was_sending(database: Database) -> None:
    gate = Flag()
    with Receiver(gate=gate) as receiver:
        finished(database, "a", callback_url=receiver.url)
        with webhook_worker(database):
            eventually(lambda: receiver.received, "the message is under way")
        assert deliveries(database)[0].state is DeliveryState.PENDING
        gate.set()
        with webhook_worker(database):
            ended(database, seconds=10)  # long before a lease ends

    assert len(receiver.received) == 2


def test_a_slow_receiver_does_not_hold_up_the_others(database: Database) -> None:
    gate = Flag()
    with ExitStack() as stack:
        slow = stack.enter_context(Receiver(gate=gate))
        quick = stack.enter_context(Receiver())
        for number in range(6):
            finished(database, str(number), callback_url=f"{slow.url}/{number}")
        other_host = quick.url.replace("127.0.0.1", "localhost")
        finished(database, "quick", callback_url=other_host)
        stack.enter_context(webhook_worker(database, patient(threads=3)))
        eventually(lambda: quick.received, "the quick one has its message", seconds=10)
        assert len(slow.received) <= 2
        gate.set()
        ended(database)


def test_a_redirect_is_a_failure_and_is_not_followed(database: Database) -> None:
    with Receiver(307) as receiver:
        finished(database, "a", callback_url=receiver.url)
        with webhook_worker(database, patient(first_retry_seconds=1000)):
            eventually(lambda: attempts(database), "it was tried")

    assert len(receiver.received) == 1
    assert [a.error_code for a in attempts(database)] == ["http_307"]


def test_a_private_address_is_not_posted_to(database: Database) -> None:
    with Receiver() as receiver:
        finished(database, "a", callback_url=receiver.url)
        with webhook_worker(database, patient(), FetchSettings(allowed_private_hosts=())):
            (row,) = ended(database)

    assert receiver.received == []
    assert row.state is DeliveryState.FAILED  # no later try would be allowed either
    (tried,) = attempts(database)
    assert (tried.status, tried.error_code) == (None, "blocked_address")


def test_a_receiver_that_never_answers_costs_no_more_than_the_timeout(database: Database) -> None:
    with Receiver(gate=Flag()) as receiver:
        finished(database, "a", callback_url=receiver.url)
        settings = patient(timeout_seconds=0.3, first_retry_seconds=1000)
        with webhook_worker(database, settings):
            eventually(lambda: attempts(database), "it was tried", seconds=10)

    (tried,) = attempts(database)
    assert tried.error_code == "total_timeout"
    assert tried.duration_ms < 5000


def test_a_message_is_given_up_after_its_time(database: Database) -> None:
    with Receiver(*[500] * 50) as receiver:
        finished(database, "a", callback_url=receiver.url)
        change_all(database, "webhook_deliveries", "begun_at = now() - interval '25 hours'")
        with webhook_worker(database):
            (row,) = ended(database)

    assert row.state is DeliveryState.FAILED
    assert len(receiver.received) == 1


def test_the_next_try_is_later_when_the_receiver_asks_for_it(database: Database) -> None:
    with Receiver(503) as receiver:
        finished(database, "a", callback_url=receiver.url)
        with webhook_worker(database):
            ended(database)

    first, second = attempts(database)
    asked = timedelta(seconds=RETRY_AFTER_SECONDS)
    assert asked * 0.9 < second.finished_at - first.finished_at < asked * 5


def test_a_delivered_message_can_be_replayed_under_its_id(database: Database) -> None:
    secret = new_secret()
    with Receiver(secret=secret) as receiver:
        registered(database, receiver.url, secret=secret)
        finished(database, "a")
        with webhook_worker(database):
            (row,) = ended(database)
            replay(database, row.id)
            ended(database)

    assert [message.id for message in receiver.received] == [f"msg_{row.id.hex}"] * 2
    assert [attempt.number for attempt in attempts(database)] == [1, 2]


def test_an_endpoint_that_only_fails_for_days_is_disabled_with_a_reason(database: Database) -> None:
    with Receiver(500) as receiver:
        endpoint = registered(database, receiver.url).endpoint
        change_all(database, "webhook_endpoints", "failing_since = now() - interval '6 days'")
        finished(database, "a")
        with webhook_worker(database):
            (row,) = ended(database)

    shown = read_endpoint(database, endpoint.id)
    assert row.state is DeliveryState.FAILED
    assert shown.disabled_at is not None
    assert shown.disabled_reason is not None
    assert "http_500" in shown.disabled_reason


def test_a_success_ends_the_row_of_failures(database: Database) -> None:
    with Receiver(500) as receiver:
        endpoint = registered(database, receiver.url).endpoint
        change_all(database, "webhook_endpoints", "failing_since = now() - interval '4 days'")
        finished(database, "a")
        with webhook_worker(database):
            ended(database)

    shown = read_endpoint(database, endpoint.id)
    assert (shown.failing_since, shown.disabled_at) == (None, None)


def test_an_endpoint_that_says_gone_is_disabled_at_once(database: Database) -> None:
    with Receiver(410) as receiver:
        endpoint = registered(database, receiver.url).endpoint
        finished(database, "a")
        with webhook_worker(database):
            (row,) = ended(database)

    assert row.state is DeliveryState.FAILED
    assert read_endpoint(database, endpoint.id).disabled_at is not None


def test_a_callback_url_that_says_gone_is_not_tried_again(database: Database) -> None:
    with Receiver(410) as receiver:
        finished(database, "a", callback_url=receiver.url)
        with webhook_worker(database):
            (row,) = ended(database)

    assert row.state is DeliveryState.FAILED
    assert len(receiver.received) == 1
