"""Who is served without a key, what the health of the parts costs, and who counts for what."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Thread

import requests

from infra.contract.scopes import Scope
from infra.stack.stack import Stack
from tasks.keys.form import new_key
from tests.contract.api.support.keyed import Keyed, bearer, keyed_api
from tests.contract.api.support.listening import listening
from tests.contract.api.support.running import problem
from tests.waiting import eventually

BODY = {"image_url": "https://supplier.example/a.jpg"}
HOME = ("localhost", "127.0.0.1", "127.0.0.1:8080", "[::1]:8080")
ELSEWHERE = ("rebound.example", "rebound.example:8080", "192.168.1.5:8080", "localhost.example")


@contextmanager
def frozen_broker() -> Iterator[str]:
    """A broker that takes every connection and never says a word."""
    held = []
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:

        def hold() -> None:
            while True:
                try:
                    held.append(listener.accept()[0])
                except OSError:
                    return

        thread = Thread(target=hold, daemon=True)
        thread.start()
        yield f"amqp://guest:guest@127.0.0.1:{listener.getsockname()[1]}/"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for connection in held:
            connection.close()


def test_a_part_that_hangs_and_many_who_ask_for_it_delay_no_other_request(stack: Stack) -> None:
    with frozen_broker() as url, keyed_api(stack, broker={"url": url}) as serving:
        key = serving.issue(Scope.READ)

        def ready() -> float:
            began = time.monotonic()
            with requests.Session() as session:
                session.trust_env = False
                answer = session.get(f"{serving.api.url}/readyz", timeout=30)
            assert answer.status_code == 200
            return time.monotonic() - began

        with ThreadPoolExecutor(30) as callers:
            asked = [callers.submit(ready) for _ in range(90)]
            began = time.monotonic()
            assert serving.api.call("GET", "/jobs", headers=bearer(key)).status_code == 200
            assert time.monotonic() - began < 3
            assert max(each.result() for each in asked) < 5

        def told() -> bool:
            parts = serving.api.call("GET", "/readyz", headers=bearer(key)).json()["dependencies"]
            return not parts["broker"]["ok"] and parts["database"]["ok"]

        eventually(told, "the broker is told as away, the database is not", seconds=30)


def test_the_parts_are_named_to_keys_and_to_all_while_none_is_needed(stack: Stack) -> None:
    with keyed_api(stack, api={"ready_probe_seconds": 0.2}) as serving:
        assert "dependencies" in serving.api.get("/readyz")
        strange = serving.api.call("GET", "/readyz", headers={"Host": "rebound.example"})
        assert strange.json() == {"status": "ready"}

        key = serving.issue(Scope.READ)

        def brief() -> bool:
            return serving.api.get("/readyz") == {"status": "ready"}

        eventually(brief, "a key is needed for the details")
        for offered in (new_key(), "x"):
            answer = serving.api.call("GET", "/readyz", headers=bearer(offered))
            assert answer.json() == {"status": "ready"}
        answer = serving.api.call("GET", "/readyz", headers=bearer(key))
        assert answer.json()["dependencies"]["database"]["ok"] is True


def test_without_keys_only_this_machine_is_served_under_its_own_name(stack: Stack) -> None:
    with keyed_api(stack) as serving:
        for host in HOME:
            answer = serving.api.call("POST", "/process-image", json=BODY, headers={"Host": host})
            assert answer.status_code == 202, host
        for host in ELSEWHERE:
            for method, path in (
                ("GET", "/jobs"),
                ("POST", "/process-image"),
                ("GET", "/webhooks"),
            ):
                answer = serving.api.call(method, path, json=BODY, headers={"Host": host})
                told = problem(answer, 401, "unauthorized")["detail"]
                assert "keys create" in told
                assert "API_OPEN" in told
        passed_on = {"X-Forwarded-For": "203.0.113.7"}
        problem(serving.api.call("GET", "/jobs", headers=passed_on), 401, "unauthorized")

        key = serving.issue(Scope.READ)
        headers = {"Host": "api.example", **bearer(key)}
        assert serving.api.call("GET", "/jobs", headers=headers).status_code == 200


def test_another_address_is_not_this_machine_and_is_served_when_told(stack: Stack) -> None:
    behind = {"trusted_proxies": ("127.0.0.1",)}
    headers = {"X-Forwarded-For": "203.0.113.7"}
    with keyed_api(stack, api=behind) as closed:
        problem(closed.api.call("GET", "/jobs", headers=headers), 401, "unauthorized")
    with keyed_api(stack, api={**behind, "open": True}) as opened:
        for host in (*HOME, *ELSEWHERE):
            answer = opened.api.call("GET", "/jobs", headers={**headers, "Host": host})
            assert answer.status_code == 200
        foreign = {"Origin": "https://stranger.example"}
        posted = opened.api.call("POST", "/process-image", json=BODY, headers=foreign)
        problem(posted, 403, "forbidden")


def statuses(serving: Keyed, forwarded: list[str]) -> list[int]:
    return [
        serving.api.call("GET", "/jobs", headers={"X-Forwarded-For": each}).status_code
        for each in forwarded
    ]


def test_a_made_up_forwarding_address_escapes_no_limit(stack: Stack) -> None:
    limit = {"rate_limit_per_minute": 3, "open": True}
    with keyed_api(stack, api=limit) as serving:
        assert statuses(serving, [f"203.0.113.{n}" for n in range(4)]) == [200, 200, 200, 429]
    proxies = {**limit, "trusted_proxies": ("127.0.0.1", "10.0.0.0/8")}
    with keyed_api(stack, api=proxies) as serving:
        # The caller writes what it likes; what counts is what the first stranger from the right is.
        forwarded = [f"198.51.100.{n}, 203.0.113.200, 10.1.2.3" for n in range(4)]
        assert statuses(serving, forwarded) == [200, 200, 200, 429]
        assert statuses(serving, ["203.0.113.201, 10.1.2.3"]) == [200]


def test_made_up_keys_are_refused_before_they_cost_a_query(stack: Stack) -> None:
    with keyed_api(stack, api={"failed_keys_per_minute": 5}) as serving:
        key, late = serving.issue(Scope.READ), serving.issue(Scope.READ)
        assert serving.api.call("GET", "/jobs", headers=bearer(key)).status_code == 200

        answers = [serving.api.call("GET", "/jobs", headers=bearer(new_key())) for _ in range(20)]

        found = [answer.status_code for answer in answers]
        assert found == [401] * 5 + [429] * 15
        problem(answers[-1], 429, "rate_limited")
        assert 0 < int(answers[-1].headers["Retry-After"]) <= 60

        def still() -> bool:  # asked again when what is remembered is old
            assert serving.api.call("GET", "/jobs", headers=bearer(key)).status_code == 200
            return time.monotonic() > began + 4

        began = time.monotonic()
        eventually(still, "a key that was good before is served all the time", seconds=20)
        assert serving.api.call("GET", "/jobs", headers=bearer(late)).status_code == 429


def test_one_key_does_not_take_every_stream_of_events(stack: Stack) -> None:
    limits = {"events_listeners": 5, "events_listeners_per_key": 2}
    with keyed_api(stack, api=limits) as serving, ExitStack() as open_streams:
        first, second = serving.issue(Scope.WRITE), serving.issue(Scope.READ)
        posted = serving.api.call("POST", "/process-image", json=BODY, headers=bearer(first))
        path = posted.json()["status_url"]
        for _ in range(2):
            stream = open_streams.enter_context(listening(serving.api, path, headers=bearer(first)))
            assert stream.response.status_code == 200
        with listening(serving.api, path, headers=bearer(first)) as third:
            problem(third.response, 429, "too_many_listeners")
            assert int(third.response.headers["Retry-After"]) > 0
        with listening(serving.api, path, headers=bearer(second)) as other:
            assert other.response.status_code == 200
