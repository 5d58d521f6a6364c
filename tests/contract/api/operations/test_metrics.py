"""`GET /metrics`: what is counted, who may read it, and what is left without the database."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.routes import jobs
from infra.contract.scopes import Scope
from infra.db.engine import Database
from infra.stack.ports import free_port
from infra.stack.stack import Stack
from tasks.keys.change import IssuedKey
from tasks.workers.heartbeat import send_heartbeat
from tests.contract.api.support.keyed import Keyed, bearer, keyed_api
from tests.contract.api.support.running import Api, changed, problem, running_api
from tests.contract.api.support.worker_part import fail, held

FROM_AFAR = {"X-Forwarded-For": "192.0.2.7"}
UNKNOWN = f"/jobs/{uuid4()}"
GOOD = "https://supplier.example/a.jpg"
REQUESTS = "product_images_http_request_duration_seconds"

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def own(stack: Stack) -> Iterator[Keyed]:
    """An API that is alone on an empty database."""
    with keyed_api(stack) as serving:
        yield serving


def samples(api: Api, **headers: str) -> Samples:
    response = api.call("GET", "/metrics", headers=headers)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float | None:
    return found.get((f"product_images_{name}", frozenset(labels.items())))


def counted(found: Samples, **labels: str) -> float | None:
    return found.get((f"{REQUESTS}_count", frozenset(labels.items())))


def test_requests_are_counted_by_route_and_not_by_address(
    own: Keyed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_badly(_database: Database, _job_id: object) -> None:
        raise RuntimeError

    api = own.api
    for _ in range(3):
        api.call("GET", f"/jobs/{uuid4()}")
    api.call("GET", "/jobs/7")
    api.call("GET", "/nowhere")
    api.call("TRACE", "/jobs")
    monkeypatch.setattr(jobs, "read_job", fail_badly)
    api.call("GET", UNKNOWN, headers={"Connection": "close"})  # the server closes after a crash

    found = samples(api)

    assert counted(found, method="GET", route="/jobs/{job_id}", status="404") == 4
    assert counted(found, method="GET", route="/jobs/{job_id}", status="500") == 1
    assert counted(found, method="GET", route="none", status="404") == 1
    assert counted(found, method="other", route="/jobs", status="405") == 1
    buckets = [key for key in found if key[0] == f"{REQUESTS}_bucket"]
    assert any(("le", "0.1") in labels for _, labels in buckets)


def test_jobs_are_counted_by_state_and_lane_with_what_waits(own: Keyed) -> None:
    ended = own.api.accepted(image_url=GOOD, sku="metrics-1")
    fail(own.database, held(own.database, ended["job_id"]))
    own.api.accepted(image_url=GOOD, sku="metrics-2")
    own.api.accepted(image_url=GOOD, sku="metrics-3")
    send_heartbeat(own.database, "a worker")

    found = samples(own.api)

    assert value(found, "jobs", state="queued", lane="interactive") == 2
    assert value(found, "jobs", state="failed", lane="interactive") is None
    assert value(found, "jobs_ended_last_hour", state="failed", lane="interactive") == 1
    assert value(found, "jobs_ended_last_hour", state="ready", lane="bulk") == 0
    oldest = value(found, "oldest_queued_job_seconds", lane="interactive")
    assert oldest is not None
    assert oldest > 0
    assert value(found, "oldest_queued_job_seconds", lane="bulk") == 0
    assert value(found, "webhook_deliveries_pending") == 0
    assert value(found, "workers_alive") == 1
    for part in ("database", "broker", "store", "cache", "prefect"):
        assert value(found, "up", dependency=part) == 1


def test_what_the_broker_has_not_got_is_undispatched(stack: Stack) -> None:
    amqp = {"url": f"amqp://guest:guest@127.0.0.1:{free_port()}/"}
    with keyed_api(stack, broker=amqp) as alone:
        alone.api.accepted(image_url=GOOD)

        found = samples(alone.api)

        assert value(found, "undispatched_jobs", lane="interactive") == 1
        assert value(found, "undispatched_jobs", lane="bulk") == 0
        assert value(found, "up", dependency="broker") == 0


def test_without_the_database_the_page_still_says_so(own: Keyed) -> None:
    url = f"postgresql://nobody:secret@127.0.0.1:{free_port()}/nowhere"
    with running_api(changed(own.configured, database={"url": url})) as api:
        problem(api.call("GET", UNKNOWN), 503, "database_unavailable")

        found = samples(api)

        assert value(found, "up", dependency="database") == 0
        assert value(found, "up", dependency="store") == 1
        assert counted(found, method="GET", route="none", status="503") == 1
        assert not any(name.startswith("product_images_jobs") for name, _ in found)
        assert value(found, "workers_alive") is None


def issued(own: Keyed) -> IssuedKey:
    return own.issue(Scope.READ)


def test_callers_on_this_machine_need_no_key_and_others_one_that_may_read(own: Keyed) -> None:
    key = issued(own)

    assert samples(own.api)
    assert samples(own.api, **FROM_AFAR, **bearer(key))
    problem(own.api.call("GET", "/metrics", headers=FROM_AFAR), 401, "unauthorized")
    wrong = {**FROM_AFAR, **bearer("pi_wrong")}
    problem(own.api.call("GET", "/metrics", headers=wrong), 401, "unauthorized")


def test_a_proxy_on_this_machine_does_not_open_the_page(own: Keyed) -> None:
    issued(own)

    for headers in ({"Host": "api.example.com"}, {"Via": "1.1 proxy"}, {"X-Real-IP": "127.0.0.1"}):
        problem(own.api.call("GET", "/metrics", headers=headers), 401, "unauthorized")
