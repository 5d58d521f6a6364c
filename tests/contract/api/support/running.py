"""The real application behind a real HTTP server, and a caller who checks every problem."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Thread
from typing import Any

import requests

from api.app import create_app
from api.resources import ApiConfiguration
from api.server import ApiServer
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
from infra.stack_description import StackDescription
from tests.waiting import eventually

_SECONDS = 30
PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Api:
    """Calls of the HTTP contract."""

    url: str
    port: int
    session: requests.Session

    def call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Send a request."""
        return self.session.request(method, self.url + path, timeout=_SECONDS, **arguments)

    def post(self, **fields: Any) -> requests.Response:
        """Post a JSON body."""
        return self.call("POST", "/process-image", json=fields)

    def send(self, body: bytes, content_type: str | None = None) -> requests.Response:
        """Post raw bytes, with a content type or without any."""
        headers = {} if content_type is None else {"Content-Type": content_type}
        return self.call("POST", "/process-image", data=body, headers=headers)

    def accepted(self, **fields: Any) -> Any:
        """Post a JSON body that is accepted; return the answer."""
        response = self.post(**fields)
        assert response.status_code == 202, response.text
        return response.json()

    def get(self, path: str, **query: Any) -> Any:
        """Read what is there."""
        response = self.call("GET", path, params=query)
        assert response.status_code == 200, response.text
        return response.json()

    def count(self) -> int:
        """Return how many jobs there are, as a caller counts them."""
        counted, path = 0, "/jobs?limit=200"
        while path:
            page = self.get(path)
            counted += len(page["jobs"])
            path = page["next"]
        return counted


def problem(response: requests.Response, status: int, code: str) -> Any:
    """Check that an answer is a problem in the contract's shape; return it."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == PROBLEM
    body = response.json()
    assert {"type", "title", "status", "code", "detail"} <= set(body)
    assert (body["status"], body["code"]) == (status, code)
    assert all(isinstance(body[name], str) and body[name] for name in ("type", "title", "detail"))
    return body


def configuration(stack: StackDescription, database_url: str) -> ApiConfiguration:
    """Describe an API on a database of its own; the broker keeps its messages apart too."""
    return ApiConfiguration(
        api=ApiSettings.load(env_file=None),
        assets=AssetSettings(public_asset_url="http://assets.example/images"),
        broker=BrokerSettings(url=stack.amqp_url, queue_prefix="contract"),
        cache=CacheSettings(url=stack.redis_url),
        console=ConsoleSettings(),
        database=DatabaseSettings(url=database_url),
        dispatch=DispatchSettings(),
        queue=QueueSettings(),
        prefect=PrefectSettings(
            api_url=stack.prefect_api, api_auth_string=stack.prefect_auth_string
        ),
        store=StoreSettings(
            endpoint=stack.s3_endpoint,
            access_key=stack.s3_access_key,
            secret_key=stack.s3_secret_key,
            bucket=stack.s3_bucket,
        ),
        imports=ImportSettings(),
        fetch=FetchSettings(),
        webhooks=WebhookSettings(),
        decoders=DecoderSettings(),
    )


def changed(whole: ApiConfiguration, **sections: Mapping[str, object]) -> ApiConfiguration:
    """Return the configuration with some values of some sections replaced."""
    values = {
        name: getattr(whole, name).model_copy(update=update) for name, update in sections.items()
    }
    return replace(whole, **values)


@contextmanager
def running_api(configured: ApiConfiguration, port: int = 0) -> Iterator[Api]:
    """Serve the application on a port (0: a free one) while the block runs."""
    server = ApiServer(create_app(configured), configured.api)
    listener = socket.create_server(("127.0.0.1", port))
    port = listener.getsockname()[1]
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, name="api", daemon=True)
    thread.start()
    session = requests.Session()
    session.trust_env = False
    try:
        eventually(lambda: server.started, "the API serves")
        yield Api(f"http://127.0.0.1:{port}", port, session)
    finally:
        session.close()
        server.should_exit = True
        thread.join(_SECONDS)
        listener.close()
