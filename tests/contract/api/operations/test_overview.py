"""`GET /overview` and its events: what goes on at a glance, for many open pages at once."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

from api.resources import ApiConfiguration
from infra.cache import Cache
from infra.contract.scopes import Scope
from infra.db.engine import Database
from infra.host_limits.policy import HostPolicy, HostSignal, Outcome
from infra.host_limits.redis_limits import RedisHostLimits
from infra.stack.stack import Stack
from tests.contract.api.support.importing import catalogue, imported, skus
from tests.contract.api.support.keyed import bearer, keyed_api
from tests.contract.api.support.listening import listening
from tests.contract.api.support.running import Api, problem
from tests.contract.api.support.worker_part import fail, held
from tests.integration.database.fresh import execute
from tests.integration.database.test_purges import statements
from tests.waiting import eventually


def overview_with(api: Api, condition: Any) -> Any:
    """Return the first overview that fulfils the condition: one is shared for two seconds."""
    seen: list[Any] = []

    def fulfilled() -> bool:
        seen.append(api.get("/overview"))
        return bool(condition(seen[-1]))

    eventually(fulfilled, "the overview shows it")
    return seen[-1]


def test_an_overview_counts_what_waits_and_what_was_finished_today(
    api: Api, rows: Database
) -> None:
    execute(rows, "TRUNCATE products, batches CASCADE")
    oldest = api.accepted(image_urls=["https://supplier.example/a.jpg"], sku=f"first-{uuid4()}")
    later = api.accepted(image_urls=["https://supplier.example/b.jpg"], sku=f"second-{uuid4()}")
    fail(rows, held(rows, later["job_id"]))
    made = api.accepted(image_urls=["https://supplier.example/c.jpg"], sku=f"third-{uuid4()}")
    execute(
        rows,
        f"""UPDATE job_images SET state = 'ready', outcome = 'created', saved_bytes = 900,
            finished_at = now() WHERE job_id = '{made["job_id"]}'""",
        f"UPDATE images SET state = 'ready' WHERE product_id = '{made['product_id']}'",
        f"""UPDATE jobs SET state = 'ready', finished_at = now(), started_at = now()
            WHERE id = '{made["job_id"]}'""",
    )
    batch = imported(api, rows, catalogue(skus(3)))

    shown = overview_with(api, lambda it: it["today"]["ready"] == 1 and it["waiting"] == 4)

    assert shown["today"] | {"day": ""} == {"day": "", "ready": 1, "failed": 1, "saved_bytes": 900}
    assert len(shown["minutes"]) == 60
    assert sum(minute["ready"] for minute in shown["minutes"]) == 1
    assert sum(minute["failed"] for minute in shown["minutes"]) == 1
    assert shown["minutes"] == sorted(shown["minutes"], key=lambda minute: minute["start"])
    assert shown["images_per_minute"] == round(2 / 60, 1)
    assert [(b["id"], b["counts"]["queued"]) for b in shown["batches"]] == [(batch, 3)]
    assert shown["oldest_waiting"]["id"] == oldest["job_id"]
    assert shown["oldest_waiting"]["sku"].startswith("first-")


def test_hosts_that_are_left_alone_are_in_trouble(api: Api, configured: ApiConfiguration) -> None:
    policy = HostPolicy.of(configured.fetch)
    silent, fine = f"{uuid4().hex}.example:443", f"{uuid4().hex}.example:443"
    with Cache(configured.cache) as cache:
        hosts = RedisHostLimits(cache, policy)
        for host, outcome in (
            (silent, Outcome(HostSignal.OVERLOADED, "http_429", retry_after_seconds=600)),
            (fine, Outcome(HostSignal.ALIVE, "ok")),
        ):
            hosts.enter(host, "t")
            hosts.leave(host, "t", outcome)

    def named(shown: Any) -> dict[str, Any]:
        return {host["host"]: host for host in shown["hosts_in_trouble"]}

    shown = named(overview_with(api, lambda it: silent in named(it)))
    assert fine not in shown
    told = shown[silent]
    assert (told["requests"], told["failures"], told["pause_reason"]) == (1, 1, "silent")
    assert told["paused_until"] == told["silent_until"] is not None

    reset = api.call("POST", f"/hosts/{silent}/reset").json()
    assert (reset["paused_until"], reset["pause_reason"], reset["failures"]) == (None, None, 1)
    overview_with(api, lambda it: silent not in named(it))


def test_many_who_ask_at_once_cost_one_look(api: Api) -> None:
    time_of_a_reading = 2.0
    with statements() as seen, ThreadPoolExecutor(20) as callers:
        began = time.monotonic()
        answers = list(callers.map(lambda _: api.get("/overview"), range(60)))
        seconds = time.monotonic() - began

    looks = sum("saved_bytes" in statement for statement in seen)
    assert looks <= 1 + seconds / time_of_a_reading
    assert answers[0].keys() == answers[-1].keys()


def test_a_stream_shows_the_overview_and_each_change_of_it(api: Api, rows: Database) -> None:
    with listening(api, "/overview") as stream:
        assert stream.response.headers["Content-Type"].startswith("text/event-stream")
        assert "no-store" in stream.response.headers["Cache-Control"]
        before = stream.next("overview").data
        assert before.keys() == api.get("/overview").keys()

        api.accepted(image_urls=["https://supplier.example/a.jpg"], sku=f"change-{uuid4()}")

        while stream.next("overview").data["waiting"] != before["waiting"] + 1:
            pass


def test_streams_of_all_kinds_share_the_places_of_a_caller(stack: Stack) -> None:
    with keyed_api(stack, api={"events_listeners_per_key": 2}) as serving, ExitStack() as opened:
        key = bearer(serving.issue(Scope.READ))
        streams = [
            opened.enter_context(listening(serving.api, "/overview", headers=key)) for _ in range(2)
        ]
        for stream in streams:
            stream.next("overview")

        with listening(serving.api, "/overview", headers=key) as third:
            problem(third.response, 429, "too_many_listeners")


def test_any_key_sees_the_overview_and_no_caller_without_one(stack: Stack) -> None:
    with keyed_api(stack) as serving:
        key = serving.issue(Scope.READ)
        assert serving.api.call("GET", "/overview", headers=bearer(key)).status_code == 200
        eventually(
            lambda: serving.api.call("GET", "/overview").status_code == 401, "a key is needed"
        )
        problem(serving.api.call("GET", "/overview/events"), 401, "unauthorized")
