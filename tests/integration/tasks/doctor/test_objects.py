"""Objects without rows, rows without objects, and who can read them."""

import io
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from minio import Minio

from infra.objectstore import IMMUTABLE
from infra.settings.sections import StoreSettings
from tasks.doctor.finding import Level
from tests.integration.tasks.contents.test_verify import fill, put, variant_keys
from tests.integration.tasks.doctor.patient import Patient
from tests.integration.tasks.job_rows import FINGERPRINT, finished, sha256_of

OBJECTS = ("store", "variants", "keys", "orphans", "removals", "access")
SECOND_HOURS = 1 / 3_600_000


@pytest.fixture
def whole(patient: Patient, tmp_path: Path) -> Patient:
    """A system whose store holds everything that its rows name."""
    finished(patient.system.database, "a", "b")
    fill(patient.system.database, patient.system.store, tmp_path)
    for table in ("images", "variants"):  # the policy that the keys name
        patient.execute(f"UPDATE {table} SET fingerprint = '{FINGERPRINT}'")
    return patient


def bucket(settings: StoreSettings) -> Minio:
    """The store past the adapter."""
    place = urlsplit(settings.endpoint).netloc
    return Minio(place, settings.access_key, settings.secret_key, secure=False, region="us-east-1")


def test_a_whole_store_is_well(whole: Patient) -> None:
    assert [check for check in OBJECTS if not whole.is_well(check)] == []


def test_a_missing_variant_is_regenerated(whole: Patient) -> None:
    lost = variant_keys(whole.system.database)[0]
    whole.system.store.remove(lost)

    found = whole.look("variants")
    repaired = whole.look("variants", repair=True)

    assert found.level is Level.BROKEN
    assert f"{lost}: missing" in found.detail
    assert (repaired.level, repaired.repaired) == (
        Level.OK,
        "Jobs in the bulk lane regenerate them.",
    )


@pytest.mark.parametrize(
    ("media_type", "fields"),
    [("text/plain", {"Cache-Control": IMMUTABLE}), ("image/webp", {})],
)
def test_a_variant_with_wrong_header_fields_is_told(
    whole: Patient, own_store_settings: StoreSettings, media_type: str, fields: dict[str, str]
) -> None:
    key = variant_keys(whole.system.database)[0]
    client = bucket(own_store_settings)
    client.put_object(
        own_store_settings.bucket,
        key,
        io.BytesIO(key.encode()),
        len(key),
        content_type=media_type,
        metadata=dict(fields),
    )

    assert f"{key}: wrong header fields" in whole.look("variants").detail


def test_rows_that_name_the_same_object_are_told(whole: Patient) -> None:
    whole.execute("UPDATE variants SET object_key = (SELECT min(object_key) FROM variants)")

    assert whole.look("keys").level is Level.BROKEN


def test_a_ready_image_without_variants_is_told(whole: Patient) -> None:
    whole.execute("DELETE FROM variants")

    assert "2 ready images have no variants" in whole.look("keys").detail


def test_an_object_without_a_row_is_removed_when_it_is_not_young(
    whole: Patient, tmp_path: Path
) -> None:
    stray = f"originals/{sha256_of('stray')}.jpg"
    put(whole.system.store, tmp_path, stray, b"bytes")
    assert whole.is_well("orphans")

    whole.set("garbage", grace_hours=SECOND_HOURS)

    assert whole.look("orphans").level is Level.WARNING
    assert whole.is_mended("orphans")
    assert whole.system.store.stat(stray) is None
    assert whole.is_well("variants")


def test_an_object_that_was_to_be_removed_is_removed(whole: Patient, tmp_path: Path) -> None:
    sha256 = sha256_of("going")
    key = f"originals/{sha256}.jpg"
    put(whole.system.store, tmp_path, key, b"bytes")
    columns = "(object_key, original_sha256, created_at)"
    values = "(:key, :sha256, now() - interval '2 hours')"
    whole.execute(f"INSERT INTO removals {columns} VALUES {values}", key=key, sha256=sha256)

    assert whole.look("removals").level is Level.WARNING
    assert whole.is_mended("removals")
    assert whole.system.store.stat(key) is None


def test_a_bucket_that_shows_nothing_or_too_much_is_told(
    whole: Patient, own_store_settings: StoreSettings
) -> None:
    client, name = bucket(own_store_settings), own_store_settings.bucket

    client.delete_bucket_policy(name)
    closed = whole.look("access")
    whole.system.store.prepare("")  # the whole bucket
    opened = whole.look("access")

    assert (closed.level, opened.level) == (Level.BROKEN, Level.BROKEN)
    assert "A variant is answered with 403" in closed.detail
    assert "Everybody can read originals" in opened.detail
    client.delete_bucket_policy(name)  # preparing keeps what other statements allow
    whole.system.store.prepare("variants/")
    assert whole.is_well("access")
