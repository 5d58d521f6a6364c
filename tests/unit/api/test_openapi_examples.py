"""Every answer that the description names is shown, and what is shown is what it describes."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from api.app import create_app
from api.openapi.document import extend_document, operations
from api.openapi.examples import NoExample, add_examples, example_of
from api.openapi.problem_schema import name_problems
from api.problems import MEDIA_TYPE
from api.resources import ApiConfiguration
from infra.contract.errors import ErrorCode
from infra.settings.sections import (
    ApiSettings,
    AssetSettings,
    BrokerSettings,
    CacheSettings,
    ConsoleSettings,
    DatabaseSettings,
    DecoderSettings,
    DispatchSettings,
    FetchSettings,
    ImportSettings,
    PrefectSettings,
    QueueSettings,
    StoreSettings,
    WebhookSettings,
)

Document = dict[str, Any]
JSON = ("application/json", MEDIA_TYPE)


@cache
def document() -> Document:
    """Describe the real application; nothing connects for that."""
    away = "127.0.0.1:1"
    database = DatabaseSettings(url=f"postgresql://{away}/none")
    described: Document = create_app(configured(database)).openapi()
    return described


def configured(database: DatabaseSettings) -> ApiConfiguration:
    """Describe an API on this database; nothing else answers."""
    away = "127.0.0.1:1"
    return ApiConfiguration(
        api=ApiSettings.load(env_file=None),
        assets=AssetSettings(public_asset_url="http://assets.example"),
        broker=BrokerSettings(url=f"amqp://{away}"),
        cache=CacheSettings(url=f"redis://{away}"),
        console=ConsoleSettings(),
        database=database,
        dispatch=DispatchSettings(),
        queue=QueueSettings(),
        prefect=PrefectSettings(api_url=f"http://{away}/api"),
        store=StoreSettings(endpoint=f"http://{away}", access_key="a", secret_key="b", bucket="c"),
        imports=ImportSettings(),
        fetch=FetchSettings(),
        webhooks=WebhookSettings(),
        decoders=DecoderSettings(),
    )


def answers(described: Document) -> Iterator[tuple[str, str, Document]]:
    """Yield every documented answer as (operation, status, answer)."""
    for path, operation in operations(described):
        for status, answer in operation["responses"].items():
            yield f"{operation['operationId']} at {path}", status, answer


def examples(content: Document) -> list[Any]:
    """Return what is shown for one media type."""
    several = [example["value"] for example in content.get("examples", {}).values()]
    return several + ([content["example"]] if "example" in content else [])


def faults(described: Document) -> list[str]:
    """Return a sentence for each answer without an example, and each example that is wrong."""
    found = []
    for operation, status, answer in answers(described):
        for media_type, content in answer.get("content", {}).items():
            where = f"{operation}, {status} {media_type}"
            shown = examples(content)
            found += [] if shown else [f"{where} has no example{missing(content, described)}"]
            found += [f"{where}: {fault}" for fault in _wrong(content, shown, described)]
    return found


def missing(content: Document, described: Document) -> str:
    """Say which field lacks an example."""
    try:
        example_of(content.get("schema", {}), described["components"]["schemas"])
    except NoExample as exc:
        return f": {exc}"
    return ""


def _wrong(content: Document, shown: list[Any], described: Document) -> Iterator[str]:
    schema = {**content.get("schema", {}), "components": described["components"]}
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    for example in shown:
        yield from (
            f"{error.json_path}: {error.message}" for error in validator.iter_errors(example)
        )


def test_every_answer_has_an_example_that_its_schema_allows() -> None:
    assert faults(document()) == []


def test_every_operation_names_a_success_and_shows_it() -> None:
    for path, operation in operations(document()):
        successes = {s: a for s, a in operation["responses"].items() if s.startswith("2")}
        assert successes, path
        for status, answer in successes.items():
            shown = [examples(content) for content in answer.get("content", {}).values()]
            assert all(shown), f"{path} {status}"
            assert shown or status == "204", f"{path} {status} says nothing of its body"


def test_every_error_shows_its_own_status_and_a_code_of_the_catalogue() -> None:
    seen = set()
    for where, status, answer in answers(document()):
        for problem in examples(answer.get("content", {}).get(MEDIA_TYPE, {})):
            assert status in (str(problem["status"]), "default"), where
            assert problem["code"] in set(ErrorCode), where
            seen.add((problem["status"], problem["code"]))
        if status[0] in "45":
            assert answer.get("content"), f"{where} {status} says nothing of its body"
    assert len(seen) >= 20


def test_every_list_of_bodies_that_may_be_sent_has_an_example() -> None:
    for path, operation in operations(document()):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is not None:
            schema = content["schema"]
            schema = document()["components"]["schemas"].get(
                schema.get("$ref", "").rpartition("/")[2], schema
            )
            shown = examples(content) + schema.get("examples", [])
            assert shown, f"{path} shows no body"
            assert list(_wrong({"schema": schema}, shown, document())) == [], path


def test_a_new_route_without_an_example_is_found() -> None:
    class Strange(BaseModel):
        unheard_of: str

    app = FastAPI()

    @app.get("/strange", response_model=Strange)
    def strange() -> None:
        """Answer nothing."""

    extend_document(app, name_problems, add_examples)

    (fault,) = faults(app.openapi())
    assert "Strange.unheard_of has no example" in fault


@pytest.mark.parametrize("example", [{"state": 7}, {}])
def test_an_example_that_its_schema_does_not_allow_is_found(example: Document) -> None:
    content = {"schema": {"$ref": "#/components/schemas/Accepted"}, "example": example}

    assert list(_wrong(content, examples(content), document()))
