"""A system is copied at one moment, destroyed, and brought back: rows, objects, header fields."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from infra.backup_places import BackupPlace, FolderPlace, open_place
from infra.contract.errors import ProductImagesError, ServiceUnavailable
from infra.contract.states import JobState
from infra.db.engine import Database
from infra.migrate import downgrade, upgrade
from infra.objectstore import IMMUTABLE, ObjectStore
from infra.settings.sections import DatabaseSettings, StoreSettings
from infra.stack.stack import Stack
from tasks.backup.backup import back_up
from tasks.backup.restore import restore
from tasks.contents.remove import remove_requested
from tasks.doctor.examine import examine
from tasks.doctor.finding import Level
from tests.integration.database.fresh import tabled_database
from tests.integration.tasks.contents.litter import keys_in
from tests.integration.tasks.contents.test_verify import fill, put, variant_keys
from tests.integration.tasks.doctor.conftest import patient
from tests.integration.tasks.doctor.patient import Patient
from tests.integration.tasks.job_rows import (
    FINGERPRINT,
    change,
    claimed,
    finished,
    job_row,
    sha256_of,
    submitted,
)

__all__ = ["patient"]

TABLES = ("products", "images", "originals", "variants", "previews", "jobs", "job_images")
# What needs no Prefect and no worker.
CONVERGING = (
    *("schema", "queues", "leases", "ownership", "batches", "outbox", "messages", "results"),
    *("images", "store", "variants", "keys", "orphans", "removals", "access"),
)


@pytest.fixture
def url(stack: Stack) -> Iterator[str]:
    with tabled_database(stack.description.postgres_url) as made:
        yield made


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with Database(DatabaseSettings(url=url)) as opened:
        yield opened


@pytest.fixture
def filled(database: Database, own_store: ObjectStore, tmp_path: Path) -> Database:
    """Two finished images with their objects, a job that waits and one that runs."""
    finished(database, "a", "b", sku="S-1")
    fill(database, own_store, tmp_path)
    with database.transaction() as session:
        for table in ("images", "variants"):
            session.execute(text(f"UPDATE {table} SET fingerprint = '{FINGERPRINT}'"))
    waiting = submitted(database, "c", sku="tab\tand\nline \\N").job_id
    change(database, waiting, "dispatched_at = now(), created_at = now() - interval '1 hour'")
    claimed(database, submitted(database, "d").job_id)
    return database


def rows(database: Database) -> dict[str, list[Any]]:
    with database.transaction() as session:
        return {
            table: sorted(map(str, session.execute(text(f"SELECT {table}::text FROM {table}"))))
            for table in TABLES
        }


def destroy(url: str, store: ObjectStore) -> None:
    """Lose all tables and all objects."""
    downgrade(url, "base")
    for key in keys_in(store):
        store.remove(key)


def places(folder: Path, settings: StoreSettings) -> list[str]:
    return [str(folder / "copy"), f"s3://{settings.bucket}-copy/nightly"]


@pytest.mark.parametrize("which", [0, 1], ids=["folder", "bucket"])
def test_what_was_destroyed_comes_back_and_the_doctor_is_content(
    filled: Database,
    url: str,
    patient: Patient,
    own_store_settings: StoreSettings,
    tmp_path: Path,
    which: int,
) -> None:
    store = patient.system.store
    before, objects = rows(filled), keys_in(store)
    address = places(tmp_path, own_store_settings)[which]

    with open_place(address, own_store_settings) as place:
        copied = back_up(url, store, place)
        destroy(url, store)
        restored = restore(url, store, place)

    assert (copied.objects, copied.kept, copied.lost) == (6, 0, [])
    assert (restored.rows, restored.objects, restored.lost) == (copied.rows, 6, [])
    after = rows(filled)
    assert {name: after[name] for name in TABLES if name != "jobs"} == {
        name: before[name] for name in TABLES if name != "jobs"
    }
    assert keys_in(store) == objects
    shown = store.stat(variant_keys(filled)[0])
    assert shown is not None
    assert (shown.media_type, shown.cache_control) == ("image/webp", IMMUTABLE)

    system = replace(patient.system, database=filled)
    with filled.transaction() as session:
        session.execute(
            text(
                "UPDATE jobs SET lease_expires_at = now() - interval '1 hour' "
                "WHERE state = 'running'"
            )
        )
    assert {d.finding.level for d in examine(replace(system, repair=True), CONVERGING)} == {
        Level.OK
    }
    left = [d for d in examine(system, CONVERGING) if d.finding != replace(d.finding, advice="")]
    assert left == []
    with filled.transaction() as session:
        states = session.execute(text("SELECT state, count(*) FROM jobs GROUP BY 1")).all()
    assert sorted(map(tuple, states)) == [("queued", 2), ("ready", 1)]


def test_what_waited_is_published_again_and_what_ran_is_free(
    filled: Database, url: str, own_store: ObjectStore, tmp_path: Path
) -> None:
    with filled.transaction() as session:
        ids = dict(session.execute(text("SELECT state, id FROM jobs")).tuples().all())
    place = FolderPlace(tmp_path / "copy")
    back_up(url, own_store, place)
    destroy(url, own_store)

    restore(url, own_store, place)

    assert job_row(filled, ids["queued"]).dispatched_at is None
    running = job_row(filled, ids["running"])
    assert running.state is JobState.RUNNING
    assert claimed(filled, running.id, owner="another").fencing_token == 2


class Failing(FolderPlace):
    """A folder whose disk is full after so many files."""

    left = 0

    def put(self, name: str, path: Path, *, media_type: str) -> None:
        self.left -= 1
        if self.left < 0:
            raise ServiceUnavailable("disk_full", "The disk is full.")
        super().put(name, path, media_type=media_type)


def test_an_interrupted_backup_is_none_and_goes_on_where_it_was(
    filled: Database, url: str, own_store: ObjectStore, tmp_path: Path
) -> None:
    failing = Failing(tmp_path / "copy")
    with filled.transaction() as session:
        count = text("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'")
        failing.left = session.execute(count).scalar_one() - 2 + 3  # all rows, and three objects
    with pytest.raises(ServiceUnavailable, match="disk is full"):
        back_up(url, own_store, failing)
    place = FolderPlace(tmp_path / "copy")
    with pytest.raises(ProductImagesError, match="no complete backup"):
        restore(url, own_store, place)

    again = back_up(url, own_store, place)
    third = back_up(url, own_store, place)

    assert (again.objects, again.kept) == (3, 3)
    assert (third.objects, third.kept) == (0, 6)
    rows_of = [each.name for each in (tmp_path / "copy" / "rows").iterdir() if any(each.iterdir())]
    assert len(rows_of) == 2  # of the interrupted one, and of the last one


def test_an_interrupted_restore_has_no_rows_and_goes_on(
    filled: Database, url: str, own_store: ObjectStore, tmp_path: Path
) -> None:
    place = FolderPlace(tmp_path / "copy")
    back_up(url, own_store, place)
    destroy(url, own_store)

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(url, own_store, place, tell=stop)
    again = restore(url, own_store, place)

    assert (again.objects, again.kept) == (0, 6)
    with pytest.raises(ServiceUnavailable, match=r"has rows\. Restore into an empty database"):
        restore(url, own_store, place)


def test_nothing_is_removed_while_a_backup_is_made(
    filled: Database, url: str, own_store: ObjectStore, tmp_path: Path
) -> None:
    going = f"originals/{sha256_of('going')}.jpg"
    put(own_store, tmp_path, going, b"bytes")
    columns = "(object_key, original_sha256)"
    with filled.transaction() as session:
        insert = text(f"INSERT INTO removals {columns} VALUES (:key, :sha256)")
        session.execute(insert, {"key": going, "sha256": sha256_of("going")})
    removed: list[int] = []

    back_up(
        url,
        own_store,
        FolderPlace(tmp_path / "copy"),
        tell=lambda _: removed.append(remove_requested(filled, own_store)),
    )

    assert set(removed) == {0}
    assert remove_requested(filled, own_store) == 1


def _lose_object(store: ObjectStore, database: Database, place: Path) -> None:
    store.remove(variant_keys(database)[0])


def _spoil_copy(store: ObjectStore, database: Database, place: Path) -> None:
    (place / "objects" / variant_keys(database)[0]).write_bytes(b"x" * 5)
    store.remove(variant_keys(database)[0])


@pytest.mark.parametrize(("harm", "early"), [(_lose_object, True), (_spoil_copy, False)])
def test_an_object_that_is_lost_is_named_and_costs_no_other(
    filled: Database,
    url: str,
    own_store: ObjectStore,
    tmp_path: Path,
    *,
    harm: Callable[[ObjectStore, Database, Path], None],
    early: bool,
) -> None:
    place, lost = FolderPlace(tmp_path / "copy"), variant_keys(filled)[0]
    if early:
        harm(own_store, filled, tmp_path / "copy")
    copied = back_up(url, own_store, place)
    if not early:
        harm(own_store, filled, tmp_path / "copy")
    downgrade(url, "base")

    restored = restore(url, own_store, place)

    assert copied.lost == ([lost] if early else [])
    assert restored.lost == [lost]
    assert len(keys_in(own_store)) == 5


def test_a_damaged_or_later_backup_is_refused_before_anything_changes(
    filled: Database, url: str, own_store: ObjectStore, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    place: BackupPlace = FolderPlace(folder)
    back_up(url, own_store, place)
    manifest = folder / "manifest.json"
    whole = manifest.read_text()
    downgrade(url, "base")
    upgrade(url)

    for spoiled, words in (
        (whole.replace('"revision": "0', '"revision": "9'), "A later version made this backup"),
        (whole.replace('"version": 1', '"version": 2'), "not of a backup that this version"),
        (whole.replace('"objects_sha256": "', '"objects_sha256": "0'), "missing or damaged"),
    ):
        manifest.write_text(spoiled)
        with pytest.raises(ProductImagesError, match=words):
            restore(url, own_store, place)
    assert (folder.stat().st_mode & 0o777, manifest.stat().st_mode & 0o777) == (0o700, 0o600)
