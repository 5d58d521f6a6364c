"""Objects are listed page by page, looked at without their bytes, and removed many at once."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.contract.errors import ServiceUnavailable
from infra.db.ids import new_id
from infra.objectstore import MOST_AT_ONCE, Content, ObjectStore
from infra.settings.sections import StoreSettings
from infra.stack.ports import free_port

BODY = b"picture"


@pytest.fixture
def prefix() -> str:
    """A prefix that nothing else uses."""
    return f"variants/{new_id()}/"


@pytest.fixture
def put(store: ObjectStore, tmp_path: Path) -> "Put":
    return Put(store, tmp_path / "body")


class Put:
    def __init__(self, store: ObjectStore, path: Path) -> None:
        self._store, self._path = store, path
        path.write_bytes(BODY)

    def __call__(self, *keys: str) -> None:
        for key in keys:
            self._store.put_verified(key, self._path, media_type="image/webp")


def test_all_objects_below_a_prefix_are_listed_by_key_and_no_others(
    store: ObjectStore, prefix: str, put: Put
) -> None:
    keys = [f"{prefix}{letter}/deep/{letter}.webp" for letter in "abc"]
    put(*reversed(keys), f"variants/{new_id()}/other.webp")

    (page,) = store.pages(prefix)

    assert [(found.key, found.bytes) for found in page] == [(key, len(BODY)) for key in keys]
    assert all(abs(datetime.now(UTC) - each.modified_at) < timedelta(hours=1) for each in page)


def test_an_empty_prefix_has_no_pages(store: ObjectStore, prefix: str) -> None:
    assert list(store.pages(prefix)) == []


def test_more_objects_than_fit_a_page_are_all_listed_once(
    store: ObjectStore, prefix: str, put: Put
) -> None:
    keys = [f"{prefix}{number:05}.webp" for number in range(MOST_AT_ONCE + 3)]
    put(*keys)

    pages = [[found.key for found in page] for page in store.pages(prefix)]

    assert [len(page) for page in pages] == [MOST_AT_ONCE, 3]
    assert [key for page in pages for key in page] == keys


def test_removing_objects_between_pages_hides_none_of_the_rest(
    store: ObjectStore, prefix: str, put: Put
) -> None:
    put(*(f"{prefix}{number:05}.webp" for number in range(MOST_AT_ONCE + 3)))

    removed = 0
    for page in store.pages(prefix):
        store.remove_many([found.key for found in page])
        removed += len(page)

    assert removed == MOST_AT_ONCE + 3
    assert list(store.pages(prefix)) == []


def test_removing_many_takes_those_that_are_there_and_forgives_the_others(
    store: ObjectStore, prefix: str, put: Put
) -> None:
    put(f"{prefix}a.webp", f"{prefix}b.webp")

    store.remove_many([f"{prefix}a.webp", f"{prefix}missing.webp"])
    store.remove_many([])

    assert store.stat(f"{prefix}a.webp") is None
    assert store.stat(f"{prefix}b.webp") is not None


def test_too_many_at_once_are_refused_before_any_is_removed(store: ObjectStore) -> None:
    with pytest.raises(ValueError, match="at most"):
        store.remove_many(["x"] * (MOST_AT_ONCE + 1))


def test_reading_tells_what_the_store_really_sends(
    store: ObjectStore, prefix: str, put: Put
) -> None:
    put(f"{prefix}a.webp")

    content = Content(len(BODY), hashlib.sha256(BODY).hexdigest())
    assert store.read(f"{prefix}a.webp") == content
    assert store.read(f"{prefix}b.webp") is None


def test_a_store_that_is_away_is_an_outage_for_each_of_them() -> None:
    nowhere = StoreSettings(endpoint=f"127.0.0.1:{free_port()}", access_key="a", secret_key="b")
    with ObjectStore(nowhere) as store:
        for call in (
            lambda: next(store.pages("variants/")),
            lambda: store.stat("variants/a"),
            lambda: store.read("variants/a"),
            lambda: store.remove_many(["variants/a"]),
        ):
            with pytest.raises(ServiceUnavailable):
                call()  # type: ignore[no-untyped-call]  # a lambda has no annotations
