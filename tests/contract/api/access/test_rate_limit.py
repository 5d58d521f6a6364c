"""The rate limit: per key or address, shared through Redis, and kept while Redis is away."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from api.resources import ApiConfiguration
from infra.contract.scopes import Scope
from infra.settings.sections import CacheSettings
from infra.stack.ports import free_port
from infra.stack.stack import Stack
from tests.contract.api.support.keyed import Keyed, bearer, keyed_api
from tests.contract.api.support.running import Api, changed, problem, running_api

LIMIT = 5


@pytest.fixture
def limited(stack: Stack) -> Iterator[Keyed]:
    with keyed_api(stack, api={"rate_limit_per_minute": LIMIT}) as serving:
        yield serving


@contextmanager
def without_redis(configured: ApiConfiguration) -> Iterator[Api]:
    away = CacheSettings(url=f"redis://127.0.0.1:{free_port()}/0")
    settings = changed(configured, api={"rate_limit_per_minute": LIMIT})
    with running_api(replace(settings, cache=away)) as serving:
        yield serving


def test_a_key_has_its_requests_and_then_has_to_wait_in_every_process(limited: Keyed) -> None:
    first, second = limited.issue(Scope.READ), limited.issue(Scope.READ)
    with running_api(limited.configured) as other:
        left = []
        for number in range(LIMIT):
            api = (limited.api, other)[number % 2]
            response = api.call("GET", "/jobs", headers=bearer(first))
            assert response.status_code == 200
            assert response.headers["RateLimit-Policy"] == f'"default";q={LIMIT};w=60'
            left.append(response.headers["RateLimit"].split(";")[1])
        assert left == [f"r={number}" for number in reversed(range(LIMIT))]

        for api in (limited.api, other):
            refused = api.call("GET", "/jobs", headers=bearer(first))
            problem(refused, 429, "rate_limited")
            assert 0 < int(refused.headers["Retry-After"]) <= 60 / LIMIT
            assert refused.headers["RateLimit"].startswith('"default";r=0;t=')
            assert api.call("GET", "/jobs", headers=bearer(second)).status_code == 200
            assert api.call("GET", "/healthz").status_code == 200


def test_without_redis_the_limit_is_kept_in_the_process(configured: ApiConfiguration) -> None:
    with without_redis(configured) as api:
        codes = [api.call("GET", "/jobs").status_code for _ in range(LIMIT + 1)]

    assert codes == [*[200] * LIMIT, 429]


def test_wrong_keys_are_counted_against_the_address(configured: ApiConfiguration) -> None:
    with without_redis(configured) as api:
        for number in range(LIMIT):
            api.call("GET", "/jobs", headers=bearer(f"wrong-{number}"))

        problem(api.call("GET", "/jobs"), 429, "rate_limited")


def test_without_a_limit_nothing_is_said_about_one(api: Api) -> None:
    assert "RateLimit" not in api.call("GET", "/jobs").headers
