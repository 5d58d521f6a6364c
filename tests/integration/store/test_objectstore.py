"""What was stored is what comes back, and what the store did not keep is never announced."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from infra.contract.errors import ErrorCode, ServiceUnavailable
from infra.db.ids import new_id
from infra.objectstore import ObjectStore
from infra.settings.sections import StoreSettings
from infra.stack.ports import free_port
from tests.integration.store.strange_store import Promise, StrangeStore

LARGE_BYTES = 6 * 1024 * 1024  # above the smallest part of a multipart upload
IMMUTABLE = "public, max-age=31536000, immutable"


@pytest.fixture
def key() -> str:
    """A key that nothing else uses, below the public prefix."""
    return f"variants/test/{new_id()}.webp"


@pytest.fixture
def strange() -> Iterator[StrangeStore]:
    with StrangeStore() as server:
        yield server


def file_of(folder: Path, body: bytes) -> Path:
    path = folder / "body"
    path.write_bytes(body)
    return path


def store_at(endpoint: str) -> ObjectStore:
    return ObjectStore(StoreSettings(endpoint=endpoint, access_key="a", secret_key="b"))


@pytest.mark.parametrize("size", [0, 1, 70_000, LARGE_BYTES])
def test_what_was_put_comes_back_with_its_hash(
    store: ObjectStore, key: str, tmp_path: Path, size: int
) -> None:
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)

    store.put_verified(key, file_of(tmp_path, body), media_type="image/webp")
    sha256 = store.get(key, tmp_path / "copy")

    assert sha256 == hashlib.sha256(body).hexdigest()
    assert (tmp_path / "copy").read_bytes() == body


def test_putting_the_same_object_twice_is_harmless(
    store: ObjectStore, key: str, tmp_path: Path
) -> None:
    path = file_of(tmp_path, b"picture")
    for _ in range(2):
        store.put_verified(key, path, media_type="image/webp")

    assert store.get(key, tmp_path / "copy") == hashlib.sha256(b"picture").hexdigest()


def test_a_variant_is_served_to_anybody_with_its_type_and_for_ever(
    store: ObjectStore, store_settings: StoreSettings, key: str, tmp_path: Path
) -> None:
    store.put_verified(key, file_of(tmp_path, b"picture"), media_type="image/webp")

    response = requests.get(f"{store_settings.endpoint}/{store_settings.bucket}/{key}", timeout=10)

    assert response.status_code == 200
    assert response.content == b"picture"
    assert response.headers["Content-Type"] == "image/webp"
    assert response.headers["Cache-Control"] == IMMUTABLE


def test_a_missing_object_is_none(store: ObjectStore, key: str, tmp_path: Path) -> None:
    assert store.get(key, tmp_path / "copy") is None


def test_the_probe_tells_a_bucket_from_none(
    store: ObjectStore, store_settings: StoreSettings
) -> None:
    store.probe()

    elsewhere = store_settings.model_copy(update={"bucket": "no-such-bucket"})
    with ObjectStore(elsewhere) as other, pytest.raises(ServiceUnavailable) as outage:
        other.probe()
    assert "no-such-bucket" in outage.value.detail


def test_wrong_credentials_are_an_outage_that_names_the_reason(
    store_settings: StoreSettings, key: str, tmp_path: Path
) -> None:
    stranger = store_settings.model_copy(update={"secret_key": "guessed"})
    with ObjectStore(stranger) as store, pytest.raises(ServiceUnavailable) as outage:
        store.put_verified(key, file_of(tmp_path, b"picture"), media_type="image/webp")

    assert "SignatureDoesNotMatch" in outage.value.detail


def test_a_store_that_is_away_is_an_outage_within_seconds(key: str, tmp_path: Path) -> None:
    started = time.monotonic()
    with store_at(f"127.0.0.1:{free_port()}") as store:
        for call in (
            lambda: store.put_verified(key, file_of(tmp_path, b"x"), media_type="image/webp"),
            lambda: store.get(key, tmp_path / "copy"),
            store.probe,
        ):
            with pytest.raises(ServiceUnavailable) as outage:
                call()  # type: ignore[no-untyped-call]  # a lambda has no annotations
            assert outage.value.code == ErrorCode.STORE_UNAVAILABLE
            assert outage.value.retry_after_seconds is not None

    assert time.monotonic() - started < 5


def test_the_strange_store_can_be_honest(strange: StrangeStore, key: str, tmp_path: Path) -> None:
    with store_at(strange.endpoint) as store:
        store.put_verified(key, file_of(tmp_path, b"picture"), media_type="image/webp")
        assert store.get(key, tmp_path / "copy") == hashlib.sha256(b"picture").hexdigest()


def test_an_encrypting_store_is_believed_when_it_gives_the_bytes_back(
    strange: StrangeStore, key: str, tmp_path: Path
) -> None:
    strange.promise = Promise(etag="0" * 32)
    with store_at(strange.endpoint) as store:
        store.put_verified(key, file_of(tmp_path, b"picture"), media_type="image/webp")


@pytest.mark.parametrize(
    "promise",
    [
        Promise(size=3),
        Promise(body=b"pictura"),
        Promise(etag="0" * 32, body=b"pictura"),
        Promise(body=b""),
        Promise(forgets=True),
        Promise(put_status=500),
        Promise(put_status=403),
    ],
    ids=["short", "altered", "altered-other-etag", "empty", "forgotten", "broken", "forbidden"],
)
def test_a_store_that_did_not_keep_the_object_is_an_outage(
    strange: StrangeStore, promise: Promise, key: str, tmp_path: Path
) -> None:
    strange.promise = promise
    with store_at(strange.endpoint) as store, pytest.raises(ServiceUnavailable) as outage:
        store.put_verified(key, file_of(tmp_path, b"picture"), media_type="image/webp")

    assert outage.value.code == ErrorCode.STORE_UNAVAILABLE


def test_a_store_that_refuses_writes_is_said_to_take_none(strange: StrangeStore) -> None:
    with store_at(strange.endpoint) as store:
        strange.objects[f"/{store._bucket}"] = b""  # the bucket is there
        strange.promise = Promise(put_status=507)
        with pytest.raises(ServiceUnavailable, match="takes no writes"):
            store.probe_writes()
