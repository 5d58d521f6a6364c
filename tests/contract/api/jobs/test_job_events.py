"""`GET /jobs/{id}/events`: a job as it goes on, over a real connection."""

import time
from contextlib import ExitStack
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.resources import ApiConfiguration
from infra.db.engine import Database
from infra.stack.ports import free_port
from tasks.jobs.cancel import cancel
from tasks.jobs.retry import retry
from tests.contract.api.support.listening import Heard, Stream, listening
from tests.contract.api.support.running import Api, changed, problem, running_api
from tests.contract.api.support.worker_part import fail, held
from tests.waiting import eventually

URLS = ["https://supplier.example/a.jpg", "https://supplier.example/b.jpg"]


@pytest.fixture
def posted(api: Api) -> Any:
    """A queued job of two images; no worker takes it."""
    return api.accepted(image_urls=URLS, sku=f"events-{uuid4()}")


def rest(stream: Stream) -> list[Heard]:
    return [event for event in stream.events if event.name]


def test_a_listener_hears_how_the_job_stands_and_how_it_ends(
    api: Api, rows: Database, posted: Any
) -> None:
    with listening(api, posted["status_url"]) as stream:
        assert stream.response.headers["Content-Type"].startswith("text/event-stream")
        assert "no-store" in stream.response.headers["Cache-Control"]
        assert stream.response.headers["X-Accel-Buffering"] == "no"
        assert stream.next("state").data["state"] == "queued"
        mine = held(rows, posted["job_id"])
        assert stream.next("state").data["state"] == "running"
        fail(rows, mine)
        events = rest(stream)

    assert [event.name for event in events] == ["image", "image", "progress", "state", "end"]
    assert [event.data["id"] for event in events[:2]] == [i["id"] for i in posted["images"]]
    assert events[0].data["error"]["code"] == "http_404"
    assert events[2].data == {"done": 2, "total": 2, "ready": 0, "failed": 2}
    assert events[4].data == {"state": "failed"}


def test_a_listener_that_was_cut_off_hears_only_what_it_missed(
    api: Api, rows: Database, posted: Any
) -> None:
    with listening(api, posted["status_url"]) as stream:
        last = stream.next("state")
    held(rows, posted["job_id"])

    with listening(api, posted["status_url"], last.id) as stream:
        first = [next(stream.events) for _ in range(4)]

    names = [event.name for event in first]
    assert names == ["", "image", "image", "state"]
    assert [event.data["state"] for event in first[1:]] == ["processing", "processing", "running"]


def test_another_process_of_the_api_goes_on_where_the_first_stopped(
    api: Api, configured: ApiConfiguration, posted: Any
) -> None:
    with listening(api, posted["status_url"]) as stream:
        last = stream.next("state")

    with running_api(configured) as other:
        assert other.call("POST", f"{posted['status_url']}/cancel").status_code == 200
        with listening(other, posted["status_url"], last.id) as stream:
            events = rest(stream)

    assert [event.name for event in events] == ["image", "image", "progress", "state", "end"]


def test_who_heard_the_end_is_told_that_nothing_follows(
    api: Api, rows: Database, posted: Any
) -> None:
    cancel(rows, UUID(posted["job_id"]))
    with listening(api, posted["status_url"]) as stream:
        end = rest(stream)[-1]

    with listening(api, posted["status_url"], end.id) as stream:
        assert stream.response.status_code == 204
    retry(rows, UUID(posted["job_id"]))
    with listening(api, posted["status_url"], end.id) as stream:
        assert stream.next("state").data["state"] == "queued"


def test_a_job_that_is_removed_ends_without_a_state(api: Api, rows: Database, posted: Any) -> None:
    with listening(api, posted["status_url"]) as stream:
        stream.next("state")
        with rows.transaction() as session:
            statement = f"DELETE FROM products WHERE id = '{posted['product_id']}'"
            session.connection().exec_driver_sql(statement)

        assert [(event.name, event.data) for event in rest(stream)] == [("end", {"state": None})]


def test_silence_is_broken_by_comments(configured: ApiConfiguration, posted: Any) -> None:
    quick = {"events_heartbeat_seconds": 0.05}
    with (
        running_api(changed(configured, api=quick)) as api,
        listening(api, posted["status_url"]) as stream,
    ):
        lines = stream.response.iter_lines(chunk_size=1, decode_unicode=True)
        assert [next(line for line in lines if line.startswith(":")) for _ in range(3)]


@pytest.mark.parametrize("identity", [str(uuid4()), "x"])
def test_nobody_listens_to_an_unknown_job(api: Api, identity: str) -> None:
    problem(api.call("GET", f"/jobs/{identity}/events"), 404, "not_found")


def test_without_the_database_a_listener_is_told_to_come_back(
    configured: ApiConfiguration, posted: Any
) -> None:
    url = f"postgresql://nobody:secret@127.0.0.1:{free_port()}/nowhere"
    with running_api(changed(configured, database={"url": url})) as orphan:
        response = orphan.call("GET", f"{posted['status_url']}/events")

    problem(response, 503, "database_unavailable")


def test_listeners_above_the_limit_are_refused_until_one_leaves(
    configured: ApiConfiguration, posted: Any
) -> None:
    path = posted["status_url"]
    with running_api(changed(configured, api={"events_listeners": 2})) as api:
        for _ in range(3):  # who is refused, or finds nothing, keeps no place
            problem(api.call("GET", f"/jobs/{uuid4()}/events"), 404, "not_found")
        with listening(api, path) as first, listening(api, path) as second:
            first.next("state")
            second.next("state")
            with listening(api, path) as third:
                assert third.response.status_code == 503
                problem(third.response, 503, "too_many_listeners")
                assert int(third.response.headers["Retry-After"]) > 0

        def admitted() -> bool:
            with listening(api, path) as stream:
                return stream.response.status_code == 200

        eventually(admitted, "a place is free again")


def test_many_listeners_cost_no_threads_and_leave_room_for_requests(
    configured: ApiConfiguration, rows: Database, posted: Any
) -> None:
    with running_api(changed(configured, api={"threads": 2})) as api, ExitStack() as opened:
        streams = [opened.enter_context(listening(api, posted["status_url"])) for _ in range(40)]
        assert api.get(posted["status_url"])["state"] == "queued"
        cancel(rows, UUID(posted["job_id"]))
        assert [rest(stream)[-1].name for stream in streams] == ["end"] * 40


def test_a_stop_of_the_server_ends_open_streams_at_once(
    configured: ApiConfiguration, posted: Any
) -> None:
    with ExitStack() as serving:
        api = serving.enter_context(running_api(configured))
        with listening(api, posted["status_url"]) as stream:
            stream.next("state")
            began = time.monotonic()
            serving.close()
            assert time.monotonic() - began < 5
            assert rest(stream) == []  # no end: the job goes on, and a browser comes back
