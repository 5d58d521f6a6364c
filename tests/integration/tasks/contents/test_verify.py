"""The store is compared with what products show; what it lost is asked for once."""

import hashlib
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select, text

from infra.contract.states import Lane
from infra.db.engine import Database
from infra.db.models.catalogue import Original, Variant
from infra.db.models.jobs import Job
from infra.objectstore import ObjectStore
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.imaging.presets.fingerprint import policy_fingerprint
from tasks.upkeep.repair import Repair
from tasks.upkeep.sample import all_promises, sample
from tasks.upkeep.verify import Damage, Findings, Verifier
from tests.integration.tasks.job_rows import finished, sha256_of

TODAY = date(2026, 1, 1)
PRESETS = packaged_presets()
CONTENTS = {sha256_of(name): name.encode() for name in "ab"}
WEB = policy_fingerprint(PRESETS.named("web"))


def fill(database: Database, store: ObjectStore, directory: Path) -> None:
    """Store bytes for every row, and make the rows true about them."""
    with database.transaction() as session:
        session.execute(text(f"UPDATE images SET fingerprint = '{WEB}'"))
        for variant in session.scalars(select(Variant)):
            variant.fingerprint = WEB
            body = variant.object_key.encode()
            variant.bytes, variant.sha256 = len(body), hashlib.sha256(body).hexdigest()
            put(store, directory, variant.object_key, body)
        for original in session.scalars(select(Original)):
            body = CONTENTS[original.sha256]
            original.bytes = len(body)
            put(store, directory, original.object_key, body)


def put(store: ObjectStore, directory: Path, key: str, body: bytes) -> None:
    (directory / "body").write_bytes(body)
    store.put_verified(key, directory / "body", media_type="image/webp")


def variant_keys(database: Database) -> list[str]:
    with database.transaction() as session:
        return list(session.scalars(select(Variant.object_key).order_by(Variant.object_key)))


def original_key_of(database: Database) -> str:
    with database.transaction() as session:
        return session.scalars(select(Original.object_key)).one()


def verified(
    database: Database, store: ObjectStore, *, thorough: bool = False, repair: bool = True
) -> Findings:
    presets = PRESETS if repair else None
    verifier = Verifier(database, store, thorough=thorough, presets=presets)
    return verifier.verify(all_promises(database))


def repairs(database: Database) -> list[Job]:
    with database.transaction() as session:
        return list(session.scalars(select(Job).where(Job.force).order_by(Job.id)))


def test_a_whole_store_has_nothing_broken(
    database: Database, own_store: ObjectStore, tmp_path: Path
) -> None:
    finished(database, "a", "b")
    fill(database, own_store, tmp_path)

    findings = verified(database, own_store)

    assert (findings.variants, findings.originals, findings.broken) == (4, 2, [])


def test_a_missing_variant_is_made_again_from_the_original_by_one_job(
    database: Database, own_store: ObjectStore, tmp_path: Path
) -> None:
    finished(database, "a")
    fill(database, own_store, tmp_path)
    for key in variant_keys(database):
        own_store.remove(key)

    first = verified(database, own_store)
    again = verified(database, own_store)

    assert [found.damage for found in first.broken] == [Damage.MISSING, Damage.MISSING]
    assert {found.repair for found in first.broken} == {Repair.REQUESTED}
    assert {found.repair for found in again.broken} == {Repair.PENDING}
    (job,) = repairs(database)
    assert (job.from_stored, job.lane, job.preset) == (True, Lane.BULK, "web")
    assert (job.batch_id, job.dispatched_at) == (None, None)


def test_a_corrupt_variant_of_the_right_size_is_found_by_reading_it(
    database: Database, own_store: ObjectStore, tmp_path: Path
) -> None:
    finished(database, "a")
    fill(database, own_store, tmp_path)
    key = variant_keys(database)[0]
    put(own_store, tmp_path, key, bytes(len(key)))

    assert verified(database, own_store).broken == []
    (found,) = verified(database, own_store, thorough=True, repair=False).broken

    assert (found.key, found.damage, found.repair) == (key, Damage.CORRUPT, Repair.NOT_WANTED)
    assert repairs(database) == []


def test_a_missing_original_is_asked_for_at_its_supplier(
    database: Database, own_store: ObjectStore, tmp_path: Path
) -> None:
    finished(database, "a")
    fill(database, own_store, tmp_path)
    own_store.remove(original_key_of(database))

    (found,) = verified(database, own_store).broken

    assert (found.damage, found.repair) == (Damage.MISSING, Repair.REQUESTED)
    (job,) = repairs(database)
    assert (job.from_stored, job.force) == (False, True)


def test_a_missing_original_that_was_uploaded_cannot_be_had_again(
    database: Database, own_store: ObjectStore, tmp_path: Path
) -> None:
    finished(database, "a")
    fill(database, own_store, tmp_path)
    with database.transaction() as session:
        session.execute(text("UPDATE images SET source_url = 'upload:' || original_sha256"))
    own_store.remove(original_key_of(database))

    (found,) = verified(database, own_store).broken

    assert found.repair is Repair.IMPOSSIBLE
    assert repairs(database) == []


def test_what_nobody_makes_again_is_left_over_with_its_product(
    database: Database, own_store: ObjectStore, tmp_path: Path
) -> None:
    finished(database, "a", sku="S-1")
    fill(database, own_store, tmp_path)
    own_store.remove(variant_keys(database)[0])

    unasked = verified(database, own_store, repair=False)
    asked = verified(database, own_store)

    assert [(found.product, found.repair) for found in unasked.left] == [("S-1", Repair.NOT_WANTED)]
    assert (len(asked.broken), asked.left) == (1, [])


def test_what_a_preset_that_is_gone_has_made_needs_another_preset(
    database: Database, own_store: ObjectStore, tmp_path: Path
) -> None:
    finished(database, "a")
    fill(database, own_store, tmp_path)
    gone = "UPDATE {} SET fingerprint = 'gone'"
    with database.transaction() as session:
        for table in ("images", "variants", "job_images"):
            session.execute(text(gone.format(table)))
        session.execute(text("UPDATE jobs SET preset = 'gone'"))
    own_store.remove(variant_keys(database)[0])

    (found,) = verified(database, own_store).left

    assert found.repair is Repair.PRESET_GONE


@pytest.mark.parametrize("count", [3, 1000])
def test_a_sample_is_the_same_all_day_and_never_larger_than_asked(
    database: Database, count: int
) -> None:
    finished(database, *"abcdefgh")

    chosen, again = (
        [promise.key for some in sample(database, count, TODAY) for promise in some]
        for _ in range(2)
    )
    other = {
        promise.key
        for day in range(1, 29)
        for some in sample(database, count, TODAY.replace(day=day))
        for promise in some
    }

    assert chosen == again
    assert 0 < len(chosen) <= min(count, 16)
    assert len(other) > 3
