"""A bucket that is shared, by a prefix of keys; and keys that a role gives."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from infra.contract.errors import ServiceUnavailable
from infra.objectstore import ObjectStore
from infra.settings.sections import StoreCredentials, StoreSettings
from tests.serving import LoopbackServer

KEY = "variants/aa/w200.webp"


@pytest.fixture
def shared(store_settings: StoreSettings) -> Iterator[ObjectStore]:
    with ObjectStore(store_settings.model_copy(update={"prefix": "shop/"})) as opened:
        yield opened


def test_every_call_stays_below_the_prefix(
    shared: ObjectStore, store: ObjectStore, tmp_path: Path
) -> None:
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.write_bytes(b"picture")
    shared.put_verified(KEY, source, media_type="image/webp")

    assert store.stat(f"shop/{KEY}") is not None
    assert [each.key for page in shared.pages("variants/") for each in page] == [KEY]
    assert shared.get(KEY, copy) is not None
    assert copy.read_bytes() == b"picture"
    assert shared.read(KEY) == store.read(f"shop/{KEY}")
    shared.remove_many([KEY])
    assert shared.stat(KEY) is None
    shared.put_verified(KEY, source, media_type="image/webp")
    shared.remove(KEY)
    assert list(store.pages("shop/")) == []
    shared.probe_writes()


def test_a_role_of_the_machine_gives_the_keys(
    store_settings: StoreSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {
        "AccessKeyId": store_settings.access_key,
        "SecretAccessKey": store_settings.secret_key,
        "Token": "",
        "Expiration": "2099-01-01T00:00:00Z",
    }

    class Keys(BaseHTTPRequestHandler):
        """What a cloud runs beside a container, for the keys of its role."""

        def do_GET(self) -> None:
            body = json.dumps({"Code": "Success", **keys}).encode()
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
            pass

    role = store_settings.model_copy(
        update={"credentials": StoreCredentials.ROLE, "access_key": "", "secret_key": ""}
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/none")
    with LoopbackServer(Keys) as server:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.address}/keys")
        with ObjectStore(role) as store:
            store.probe_writes()
    with ObjectStore(role) as store, pytest.raises(ServiceUnavailable, match="No role gives"):
        store.probe()
