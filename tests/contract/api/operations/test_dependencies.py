"""The API starts in any order with its dependencies, and says what is missing while it is."""

import sys
from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import text

from api.background import decoder_probe
from api.resources import ApiConfiguration
from api.routes import process_image
from infra.contract.errors import Conflict, ErrorCode
from infra.db.engine import Database
from infra.migrate import upgrade
from infra.settings.sections import DatabaseSettings
from infra.stack.ports import free_port
from infra.stack.stack import Stack
from tests.contract.api.support.running import Api, changed, problem, running_api
from tests.integration.database.fresh import empty_database, unused_name, url_of
from tests.waiting import eventually

GOOD = "https://supplier.example/a.jpg"
UNKNOWN = "01900000-0000-7000-8000-000000000000"
AWAY = ("database", "broker", "store", "cache", "prefect")
MIGRATE = "run `product-images migrate`"
RAISED_FLOOR = """
import runpy
from dataclasses import replace
from tasks.imaging.decode import decoder_versions as decoders
decoders._is_of_the_system = lambda path: False
decoders.FLOORS = tuple(
    replace(each, oldest="99.0") if each.name == "libtiff" else each for each in decoders.FLOORS
)
runpy.run_module("tasks.pixels.decoder_check", run_name="__main__")
"""


@pytest.fixture
def lonely(configured: ApiConfiguration) -> Iterator[Api]:
    """An API that started while nothing else was there."""
    away = f"127.0.0.1:{free_port()}"
    addresses = {
        "broker": {"url": f"amqp://guest:guest@{away}/"},
        "cache": {"url": f"redis://{away}/0"},
        "database": {"url": f"postgresql+psycopg2://nobody@{away}/nowhere"},
        "prefect": {"api_url": f"http://{away}/api"},
        "store": {"endpoint": f"http://{away}"},
    }
    with running_api(changed(configured, **addresses)) as serving:
        yield serving


def refusal(api: Api, method: str, path: str, body: object = None) -> str:
    """Return the sentence of an answer that tells callers to come back."""
    response = api.call(method, path, json=body)
    answer = problem(response, 503, "database_unavailable")
    assert int(response.headers["Retry-After"]) > 0
    return str(answer["detail"])


def test_an_api_alone_lives_names_all_that_is_missing_and_accepts_nothing(lonely: Api) -> None:
    assert lonely.get("/healthz") == {"status": "ok"}

    response = lonely.call("GET", "/readyz")

    assert response.status_code == 503
    parts = response.json()["dependencies"]
    assert set(parts) == {*AWAY, "decoders", "deployments"}
    assert all(parts[name]["ok"] is False and parts[name]["detail"] for name in AWAY)
    assert "does not answer" in refusal(lonely, "POST", "/process-image", {"image_url": GOOD})


def test_an_api_that_was_there_first_works_by_itself_when_its_database_comes(
    configured: ApiConfiguration, stack: Stack
) -> None:
    name = unused_name()
    url = url_of(configured.database.url, name)
    with running_api(changed(configured, database={"url": url})) as api:
        assert "takes no connection" in refusal(api, "POST", "/process-image", {"image_url": GOOD})

        with empty_database(stack.description.postgres_url, name):
            assert MIGRATE in refusal(api, "POST", "/process-image", {"image_url": GOOD})

            upgrade(url)
            accepted = api.accepted(image_url=GOOD)

            assert api.get(accepted["status_url"])["state"] == "queued"
            eventually(lambda: api.call("GET", "/readyz").ok, "the next look finds it")


def test_without_tables_every_page_says_what_to_do(
    configured: ApiConfiguration, stack: Stack
) -> None:
    with empty_database(stack.description.postgres_url) as url:
        tableless = {"url": DatabaseSettings(url=url).url}
        with running_api(changed(configured, database=tableless)) as api:
            for path in ("/jobs", f"/jobs/{UNKNOWN}", f"/products/{UNKNOWN}"):
                assert MIGRATE in refusal(api, "GET", path)

            assert api.get("/healthz") == {"status": "ok"}
            response = api.call("GET", "/readyz")
            assert response.status_code == 503
            database = response.json()["dependencies"]["database"]
            assert database["ok"] is False
            assert MIGRATE in database["detail"]


def test_a_decoder_that_is_too_old_degrades_the_api_and_is_named(
    configured: ApiConfiguration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child raises a floor above what is installed, and then does what the real one does."""
    monkeypatch.setattr(decoder_probe, "_CHECK", (sys.executable, "-c", RAISED_FLOOR))
    with running_api(configured) as api:
        eventually(
            lambda: "not been checked" not in api.call("GET", "/readyz").text, "all were asked"
        )
        response = api.call("GET", "/readyz")
        assert (response.status_code, response.json()["status"]) == (200, "degraded")
        told = response.json()["dependencies"]["decoders"]
        assert told["ok"] is False
        assert "is older than 99.0" in told["detail"]
        assert "libtiff" in told["detail"]
        api.accepted(image_url=GOOD)


def test_a_request_that_lost_against_another_one_may_come_back_at_once(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(*_: object) -> None:
        sentence = "Another change was made at the same time."
        raise Conflict(ErrorCode.DATABASE_CONFLICT, sentence, retry_after_seconds=0.2)

    monkeypatch.setattr(process_image, "submit", lose)

    response = api.post(image_url=GOOD)

    problem(response, 503, "database_conflict")
    assert response.headers["Retry-After"] == "1"


def test_a_request_that_the_database_is_too_slow_for_may_come_back_later(
    configured: ApiConfiguration, rows: Database
) -> None:
    sku = f"slow-{uuid4()}"
    impatient = {"statement_timeout_seconds": 1}
    with running_api(changed(configured, database=impatient)) as api:
        api.accepted(image_url=GOOD, sku=sku)
        with rows.transaction() as holder:
            statement = text("SELECT id FROM products WHERE sku = :sku FOR UPDATE")
            holder.execute(statement, {"sku": sku})

            response = api.post(image_url=GOOD, sku=sku)

        problem(response, 503, "database_timeout")
        assert int(response.headers["Retry-After"]) > 0
        api.accepted(image_url=GOOD, sku=sku)
