"""`python -m infra.bucket` makes a bucket whose variants, and nothing else, everybody can read."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from infra import bucket
from infra.contract.object_keys import original_key, variant_key
from infra.db.ids import new_id
from infra.objectstore import ObjectStore
from infra.settings.sections import StoreSettings

VARIANT = variant_key(original_sha256="a" * 64, fingerprint="f", name="w200", extension="webp")
ORIGINAL = original_key("a" * 64, "jpg")


@pytest.fixture
def fresh(store_settings: StoreSettings, monkeypatch: pytest.MonkeyPatch) -> StoreSettings:
    """Settings of a bucket that does not exist, also in the environment."""
    settings = store_settings.model_copy(update={"bucket": f"fresh-{new_id()}"})
    for name, value in settings.model_dump(exclude_none=True).items():
        monkeypatch.setenv(f"S3_{name.upper()}", str(value))
    return settings


@pytest.fixture
def prepared(fresh: StoreSettings, tmp_path: Path) -> Iterator[str]:
    """The address of a prepared bucket with a variant and an original."""
    bucket.main()
    path = tmp_path / "body"
    path.write_bytes(b"picture")
    with ObjectStore(fresh) as store:
        for key in (VARIANT, ORIGINAL):
            store.put_verified(key, path, media_type="image/webp")
        yield f"{fresh.endpoint}/{fresh.bucket}"


def status(url: str) -> int:
    return requests.get(url, timeout=10).status_code


def test_variants_are_readable_and_originals_are_not(prepared: str) -> None:
    assert status(f"{prepared}/{VARIANT}") == 200
    assert status(f"{prepared}/{ORIGINAL}") == 403


def test_nobody_can_list_or_write_without_credentials(prepared: str) -> None:
    assert status(f"{prepared}/?prefix=variants/") == 403
    assert requests.put(f"{prepared}/variants/mine", data=b"x", timeout=10).status_code == 403


def test_preparing_again_keeps_what_is_stored(prepared: str) -> None:
    bucket.main()
    assert status(f"{prepared}/{VARIANT}") == 200
    assert status(f"{prepared}/{ORIGINAL}") == 403


def test_what_else_the_policy_says_stays(prepared: str, fresh: StoreSettings) -> None:
    reports = {
        "Effect": "Allow",
        "Principal": {"AWS": ["*"]},
        "Action": ["s3:GetObject"],
        "Resource": [f"arn:aws:s3:::{fresh.bucket}/reports/*"],
    }
    with ObjectStore(fresh) as store:
        both = {"Version": "2012-10-17", "Statement": [*store._policy()["Statement"], reports]}
        store._client.set_bucket_policy(fresh.bucket, json.dumps(both))
        bucket.main()
        told = [each["Resource"] for each in store._policy()["Statement"]]
    named = [each if isinstance(each, str) else each[0] for each in told]  # as the store writes it
    assert sorted(named) == [
        f"arn:aws:s3:::{fresh.bucket}/{name}/*" for name in ("reports", "variants")
    ]


def test_a_policy_that_others_look_after_is_left_alone(
    fresh: StoreSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S3_SET_POLICY", "false")
    bucket.main()
    with ObjectStore(fresh) as store:
        store.probe_writes()
        assert store._policy() == {}


def test_a_store_that_is_away_ends_it_with_a_sentence(
    fresh: StoreSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S3_ENDPOINT", "127.0.0.1:1")
    with pytest.raises(SystemExit, match="object store does not answer"):
        bucket.main()


def test_a_probe_leaves_nothing_behind(store: ObjectStore) -> None:
    store.probe_writes()
    assert [each.key for page in store.pages("probes/") for each in page] == []
