"""What `/readyz` and deploying know of deployments, from what the Prefect API answers."""

import base64
import json
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from infra.contract.errors import ServiceUnavailable
from infra.http import missing_deployments, probe_deployments
from infra.stack.ports import free_port
from tests.serving import LoopbackServer

NAMES = ("sweep", "verify")


class _Prefect(BaseHTTPRequestHandler):
    status = 200
    found: Sequence[dict[str, Any]] = ()
    asked: list[tuple[str, str | None, Any]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.path, self.headers["Authorization"], json.loads(body)))
        usable = [each for each in self.found if each["work_pool_name"] and each["work_queue_id"]]
        is_count = self.path.endswith("/count")
        answer = json.dumps(len(usable) if is_count else self.found).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Prefect:
    """A server that keeps these deployments."""

    def __init__(self, handler: type[_Prefect], address: str) -> None:
        self.handler = handler
        self.api_url = f"{address}/api"

    def keeps(self, *names: str, **fields: object) -> None:
        """Keep these deployments, each with a pool and a queue unless `fields` says else."""
        usable = {"work_pool_name": "product-images", "work_queue_id": "a queue"}
        self.handler.found = [{"name": name, **usable, **fields} for name in names]

    def complaint(self, auth_string: str = "") -> str:
        """Return what is said of the deployments."""
        with pytest.raises(ServiceUnavailable) as caught:
            probe_deployments(self.api_url, NAMES, auth_string)
        return caught.value.detail


@pytest.fixture
def prefect() -> Iterator[Prefect]:
    handler = type("Handler", (_Prefect,), {"asked": []})
    with LoopbackServer(handler) as server:
        yield Prefect(handler, server.address)


def test_deployments_that_are_all_there_are_counted_and_not_read(prefect: Prefect) -> None:
    prefect.keeps(*NAMES)

    probe_deployments(prefect.api_url, NAMES)

    ((path, signed, asked),) = prefect.handler.asked
    wanted = {"name": {"any_": ["sweep", "verify"]}}
    assert (path, signed) == ("/api/deployments/count", None)
    assert asked == {"deployments": wanted, "flows": wanted, "work_pools": {}}


def test_what_was_deleted_or_lost_its_pool_is_missing(prefect: Prefect) -> None:
    prefect.keeps("sweep", work_pool_name=None)

    assert missing_deployments(prefect.api_url, NAMES) == ["sweep", "verify"]


@pytest.mark.parametrize("status", [401, 500])
def test_what_a_server_does_not_say_is_not_taken_for_complete(
    prefect: Prefect, status: int
) -> None:
    prefect.handler.status = status

    with pytest.raises(ServiceUnavailable):
        missing_deployments(prefect.api_url, NAMES)


def test_one_that_was_deleted_is_named_with_the_way_to_restore_it(prefect: Prefect) -> None:
    prefect.keeps("sweep")

    said = prefect.complaint()

    assert "verify" in said
    assert "sweep" not in said
    assert "python -m flows.deploy" in said


@pytest.mark.parametrize("lost", ["work_pool_name", "work_queue_id"])
def test_those_whose_work_pool_or_queue_was_deleted_are_named(prefect: Prefect, lost: str) -> None:
    prefect.keeps(*NAMES, **{lost: None})

    assert "sweep, verify" in prefect.complaint()


def test_the_auth_string_is_shown_to_the_server(prefect: Prefect) -> None:
    prefect.keeps(*NAMES)

    probe_deployments(prefect.api_url, NAMES, "admin:two:words")

    shown = base64.b64encode(b"admin:two:words").decode()
    assert prefect.handler.asked[0][1] == f"Basic {shown}"


def test_an_auth_string_that_is_refused_is_named(prefect: Prefect) -> None:
    prefect.handler.status = 401

    assert "PREFECT_API_AUTH_STRING" in prefect.complaint("admin:wrong")


def test_a_server_that_fails_says_nothing_of_deployments(prefect: Prefect) -> None:
    prefect.handler.status = 500

    probe_deployments(prefect.api_url, NAMES)


def test_a_server_that_is_away_says_nothing_of_deployments() -> None:
    probe_deployments(f"http://127.0.0.1:{free_port()}/api", NAMES)
