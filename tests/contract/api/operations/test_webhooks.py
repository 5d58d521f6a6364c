"""Webhooks over HTTP: registering receivers, their log, and sending again."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from api.resources import ApiConfiguration
from infra.contract.webhook_secret import new_secret
from infra.db.engine import Database
from infra.settings.sections import DatabaseSettings, FetchSettings
from infra.stack.stack import Stack
from tests.contract.api.support.running import Api, configuration, problem, running_api
from tests.integration.database.fresh import tabled_database
from tests.integration.tasks.job_rows import finished
from tests.integration.webhooks.receiver import Receiver
from tests.waiting import eventually

URL = "https://shop.example/hooks"


def created(api: Api, **fields: Any) -> Any:
    response = api.call("POST", "/webhooks", json={"url": URL, **fields})
    assert response.status_code == 201, response.text
    return response.json()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


@pytest.fixture(scope="module")
def sending_from(stack: Stack) -> Iterator[ApiConfiguration]:
    """An API that may post to this machine, on a database where no other one sends."""
    fetch = FetchSettings.model_validate({"allowed_private_hosts": "127.0.0.1"})
    with tabled_database(stack.description.postgres_url) as url:
        yield replace(configuration(stack.description, url), fetch=fetch)


@pytest.fixture(scope="module")
def sending(sending_from: ApiConfiguration) -> Iterator[Api]:
    with running_api(sending_from) as serving:
        yield serving


@pytest.fixture
def told_of(sending_from: ApiConfiguration) -> Iterator[Database]:
    """The sending API's database."""
    with Database(DatabaseSettings(url=sending_from.database.url)) as opened:
        yield opened


def test_a_new_webhook_shows_its_secret_once(api: Api) -> None:
    body = created(api, events=["job.finished"])

    assert body["secret"].startswith("whsec_")
    assert (body["url"], body["events"], body["enabled"]) == (URL, ["job.finished"], True)
    shown = api.get(f"/webhooks/{body['id']}")
    assert "secret" not in shown
    assert shown == {name: value for name, value in body.items() if name != "secret"}
    assert "secret" not in api.call("GET", "/webhooks").text


def test_a_webhook_keeps_the_secret_it_was_given_and_wants_all_events_by_default(api: Api) -> None:
    secret = new_secret()
    body = created(api, secret=secret)

    assert body["secret"] == secret
    assert body["events"] == ["job.finished", "batch.finished"]


@pytest.mark.parametrize(
    "fields",
    [
        {"secret": "too-short-to-be-a-secret"},
        {"events": []},
        {"events": ["job.started"]},
        {"colour": "red"},
    ],
)
def test_what_cannot_be_meant_is_refused_without_repeating_secrets(
    api: Api, fields: dict[str, Any]
) -> None:
    response = api.call("POST", "/webhooks", json={"url": URL, **fields})

    problem(response, 422, "invalid_request")
    assert "too-short" not in response.text


def test_a_url_that_is_none_is_refused(api: Api) -> None:
    response = api.call("POST", "/webhooks", json={"url": "ftp://shop.example/"})
    problem(response, 422, "invalid_url")


def test_webhooks_are_listed_page_by_page(api: Api) -> None:
    mine = [created(api)["id"] for _ in range(3)]
    path, found = "/webhooks?limit=2", []
    while path:
        page = api.get(path)
        found += [webhook["id"] for webhook in page["webhooks"]]
        path = page["next"]

    assert [identity for identity in found if identity in mine] == mine[::-1]


def test_a_deleted_webhook_is_gone(api: Api) -> None:
    path = f"/webhooks/{created(api)['id']}"

    assert api.call("DELETE", path).status_code == 204
    problem(api.call("GET", path), 404, "not_found")
    problem(api.call("DELETE", path), 404, "not_found")


@pytest.mark.parametrize("identity", [str(uuid4()), "nonsense"])
def test_what_does_not_exist_is_not_found(api: Api, identity: str) -> None:
    change = {"enabled": True}
    for response in (
        api.call("GET", f"/webhooks/{identity}"),
        api.call("PATCH", f"/webhooks/{identity}", json=change),
        api.call("GET", f"/webhooks/{identity}/deliveries"),
        api.call("POST", f"/webhooks/deliveries/{identity}/replay"),
    ):
        problem(response, 404, "not_found")


def test_a_disabled_webhook_says_so_and_can_be_enabled(api: Api) -> None:
    path = f"/webhooks/{created(api)['id']}"
    disabled = api.call("PATCH", path, json={"enabled": False}).json()
    assert disabled["enabled"] is False
    assert disabled["disabled_reason"]

    enabled = api.call("PATCH", path, json={"enabled": True}).json()
    assert (enabled["enabled"], enabled["disabled_reason"]) == (True, None)


def delivered(api: Api, path: str) -> Any:
    """Return the only message of a page when it has arrived."""

    def look() -> Any:
        messages = api.get(path)["deliveries"]
        return messages[0] if messages and messages[0]["state"] == "delivered" else None

    return eventually(look, "the message is delivered")


def test_the_log_shows_every_try_and_a_replay_sends_again(
    sending: Api, told_of: Database, receiver: Receiver
) -> None:
    webhook = created(sending, url=receiver.url, events=["job.finished"])
    job = finished(told_of, uuid4().hex)
    log = f"/webhooks/{webhook['id']}/deliveries"
    message = delivered(sending, log)
    assert message["payload"]["data"]["job_id"] == str(job.job_id)
    assert [attempt["status"] for attempt in message["attempts"]] == [204]

    answer = sending.call("POST", f"/webhooks/deliveries/{message['id']}/replay")
    assert answer.status_code == 202, answer.text
    again = delivered(sending, log)
    assert [attempt["status"] for attempt in again["attempts"]] == [204, 204]
    assert {got.id for got in receiver.received} == {message["message_id"]}
    assert sending.call("DELETE", f"/webhooks/{webhook['id']}").status_code == 204


def test_messages_about_a_job_include_its_callback_url(
    sending: Api, told_of: Database, receiver: Receiver
) -> None:
    job = finished(told_of, uuid4().hex, callback_url=receiver.url)
    message = delivered(sending, f"/webhooks/deliveries?about={job.job_id}")

    assert (message["url"], message["webhook_id"]) == (receiver.url, None)


def test_nothing_is_replayed_to_a_disabled_webhook(
    sending: Api, told_of: Database, receiver: Receiver
) -> None:
    webhook = created(sending, url=receiver.url)
    finished(told_of, uuid4().hex)
    message = delivered(sending, f"/webhooks/{webhook['id']}/deliveries")
    sending.call("PATCH", f"/webhooks/{webhook['id']}", json={"enabled": False})

    answer = sending.call("POST", f"/webhooks/deliveries/{message['id']}/replay")
    problem(answer, 409, "webhook_disabled")


def test_a_message_that_is_still_tried_is_not_replayed(api: Api, rows: Database) -> None:
    job = finished(rows, uuid4().hex, callback_url="http://127.0.0.1:9/never")
    path = f"/webhooks/deliveries?about={job.job_id}"
    message = api.get(path)["deliveries"][0]

    answer = api.call("POST", f"/webhooks/deliveries/{message['id']}/replay")
    problem(answer, 409, "delivery_pending")
