"""The local stack's Prefect server: it answers, and what needs no secret gives nothing away."""

import pytest
import requests

from tests.world import World

ELSEWHERE = "https://elsewhere.example"
CALLS = (
    ("POST", "/flow_runs/filter"),
    ("POST", "/block_documents/filter"),
    ("POST", "/flows/"),
    ("GET", "/admin/settings"),
    ("GET", "/csrf-token?client=a"),
)


def test_the_user_interface_is_shown_and_finds_its_server(world: World) -> None:
    stack = world.stack.description
    assert requests.get(f"{stack.prefect_api}/health", timeout=30).json() is True
    settings = requests.get(f"{stack.prefect_ui}/ui-settings", timeout=30).json()
    assert settings["api_url"] == stack.prefect_api
    page = requests.get(stack.prefect_ui, timeout=30)
    assert page.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_prefect_asks_for_its_auth_string(world: World, method: str, path: str) -> None:
    stack = world.stack.description
    url = f"{stack.prefect_api}{path}"
    user, _, password = stack.prefect_auth_string.partition(":")
    body = {} if method == "POST" else None
    assert requests.request(method, url, json=body, timeout=30).status_code == 401
    wrong = requests.request(method, url, json=body, auth=(user, "wrong"), timeout=30)
    assert wrong.status_code == 401
    right = requests.request(method, url, json=body, auth=(user, password), timeout=30)
    assert right.status_code != 401


@pytest.mark.parametrize("method", ["OPTIONS", "GET"])
def test_prefect_allows_the_pages_of_its_own_ui_only(world: World, method: str) -> None:
    stack = world.stack.description
    url = f"{stack.prefect_api}/health"
    for origin, allowed in ((ELSEWHERE, None), (stack.prefect_ui,) * 2):
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        answer = requests.request(method, url, headers=headers, timeout=30)
        assert answer.headers.get("Access-Control-Allow-Origin") == allowed
