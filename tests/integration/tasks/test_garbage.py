"""What nobody needs goes; nothing that is referred to, and nothing young, ever does."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from infra.db.engine import Database
from infra.db.models import Original, Variant
from infra.db.retirements import Retirement
from infra.errors import ErrorCode
from infra.objectkeys import original_key, variant_key
from infra.objectstore import ObjectStore
from infra.settings import GarbageSettings, StoreSettings, WebhookSettings
from infra.stack.stack import Stack
from infra.states import ImageState, JobState
from tasks.record import record
from tasks.upkeep import strays
from tasks.upkeep.collect import collect_garbage
from tasks.upkeep.garbage import Garbage, Rules, Tally
from tests.integration.tasks.jobs import (
    claimed,
    count,
    done,
    finished,
    image_rows,
    sha256_of,
    submitted,
)

WEBHOOKS = WebhookSettings()
AGED = replace(Rules.of(GarbageSettings(), WEBHOOKS), grace=timedelta(0))
"""The defaults, but what was written just now counts as old."""


@pytest.fixture(scope="module")
def store_settings(stack: Stack) -> StoreSettings:
    described = stack.description
    return StoreSettings(
        endpoint=described.s3_endpoint,
        access_key=described.s3_access_key,
        secret_key=described.s3_secret_key,
        bucket="garbage",
    )


@pytest.fixture
def store(store_settings: StoreSettings) -> Iterator[ObjectStore]:
    """A bucket of its own, empty."""
    with ObjectStore(store_settings) as opened:
        opened.prepare("variants/")
        for prefix in ("originals/", "variants/"):
            for page in opened.pages(prefix):
                opened.remove_many([each.key for each in page])
        yield opened


def collect(database: Database, store: ObjectStore, rules: Rules = AGED) -> Tally:
    return collect_garbage(database, store, WEBHOOKS, rules)


def put(store: ObjectStore, directory: Path, *keys: str) -> None:
    file = directory / "object"
    file.write_bytes(b"bytes")
    for key in keys:
        store.put_verified(key, file, media_type="image/webp")


def keys_in(store: ObjectStore) -> set[str]:
    prefixes = ("originals/", "variants/")
    return {each.key for prefix in prefixes for page in store.pages(prefix) for each in page}


def keys_of(database: Database, content: str) -> set[str]:
    sha256 = sha256_of(content)
    with database.transaction() as session:
        variants = session.scalars(
            select(Variant.object_key).where(Variant.original_sha256 == sha256)
        )
        originals = session.scalars(select(Original.object_key).where(Original.sha256 == sha256))
        return {*variants, *originals}


def stray(content: str, fingerprint: str = "0" * 16) -> str:
    return variant_key(
        original_sha256=sha256_of(content), fingerprint=fingerprint, name="w1", extension="webp"
    )


def execute(database: Database, statement: str) -> None:
    with database.transaction() as session:
        session.execute(text(statement))


def superseded(database: Database, store: ObjectStore, directory: Path) -> set[str]:
    """Have the look of the picture "a" replaced; return the keys of its old variants."""
    finished(database, "a")
    put(store, directory, *keys_of(database, "a"))
    old = {key for key in keys_of(database, "a") if key.startswith("variants/")}
    execute(database, "UPDATE images SET fingerprint = 'new'")
    return old


def let_days_pass(database: Database, days: int) -> None:
    for table, column in (("retirements", "since"), ("job_images", "finished_at")):
        change = f"UPDATE {table} SET {column} = {column} - interval '{days} days'"
        execute(database, change)


def test_objects_without_rows_go_and_those_with_rows_stay(
    database: Database, store: ObjectStore, tmp_path: Path
) -> None:
    finished(database, "a")
    kept = keys_of(database, "a")
    put(store, tmp_path, *kept, stray("b"), stray("a"), original_key(sha256_of("b"), "jpg"))

    tally = collect(database, store)

    assert keys_in(store) == kept
    assert tally.amounts[Garbage.STRAY_VARIANTS].count == 2
    assert tally.amounts[Garbage.STRAY_ORIGINALS].count == 1
    assert tally.amounts[Garbage.STRAY_ORIGINALS].bytes == len(b"bytes")


def test_young_objects_stay_even_without_rows(
    database: Database, store: ObjectStore, tmp_path: Path
) -> None:
    put(store, tmp_path, stray("b"))

    collect(database, store, Rules.of(GarbageSettings(), WEBHOOKS))

    assert keys_in(store) == {stray("b")}


def test_an_object_whose_key_is_not_of_our_form_stays_and_is_counted(
    database: Database, store: ObjectStore, tmp_path: Path
) -> None:
    put(store, tmp_path, "variants/somebody/else.webp")

    tally = collect(database, store)

    assert (tally.unknown, keys_in(store)) == (1, {"variants/somebody/else.webp"})


def test_a_dry_run_counts_and_touches_nothing(
    database: Database, store: ObjectStore, tmp_path: Path
) -> None:
    superseded(database, store, tmp_path)
    put(store, tmp_path, stray("b"))
    collect(database, store, replace(AGED, grace=timedelta(hours=1)))  # notes the old variants
    let_days_pass(database, 31)
    before = keys_in(store), count(database, "variants"), count(database, "retirements")

    tally = collect(database, store, replace(AGED, dry_run=True))

    assert tally.amounts[Garbage.SUPERSEDED_VARIANTS].count == 2
    assert tally.amounts[Garbage.STRAY_VARIANTS].count == 1
    assert before == (keys_in(store), count(database, "variants"), count(database, "retirements"))


def test_superseded_variants_stay_for_their_retention_and_then_go(
    database: Database, store: ObjectStore, tmp_path: Path
) -> None:
    old = superseded(database, store, tmp_path)

    assert collect(database, store).waiting == 1
    let_days_pass(database, 29)
    collect(database, store)
    assert keys_in(store) > old

    let_days_pass(database, 2)
    tally = collect(database, store)

    assert tally.amounts[Garbage.SUPERSEDED_VARIANTS].count == 2
    assert keys_in(store) == keys_of(database, "a") == {original_key(sha256_of("a"), "jpg")}


def test_variants_that_are_shown_again_begin_their_retention_anew(
    database: Database, store: ObjectStore, tmp_path: Path
) -> None:
    old = superseded(database, store, tmp_path)
    collect(database, store)
    let_days_pass(database, 31)

    execute(database, f"UPDATE images SET fingerprint = '{'f' * 16}'")
    collect(database, store)
    execute(database, "UPDATE images SET fingerprint = 'new'")
    collect(database, store)

    assert keys_in(store) >= old


def test_variants_that_a_recent_job_shows_stay(
    database: Database, store: ObjectStore, tmp_path: Path
) -> None:
    old = superseded(database, store, tmp_path)
    collect(database, store)
    execute(database, "UPDATE retirements SET since = now() - interval '40 days'")

    collect(database, store)

    assert keys_in(store) >= old


def test_an_original_that_no_image_shows_goes_after_its_variants(
    database: Database, store: ObjectStore, tmp_path: Path
) -> None:
    finished(database, "a")
    put(store, tmp_path, *keys_of(database, "a"))
    execute(database, "UPDATE images SET original_sha256 = NULL, fingerprint = NULL")
    collect(database, store)
    assert len(keys_in(store)) == 3

    let_days_pass(database, 31)
    tally = collect(database, store)

    assert tally.amounts[Garbage.UNSHOWN_ORIGINALS].count == 1
    assert keys_in(store) == set()
    assert count(database, "originals") == 1  # jobs name it


def test_an_object_whose_row_appears_between_listing_and_removal_stays(
    database: Database, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submitted(database, "a")
    mine = claimed(database, job.job_id)
    result = done(mine.images[0], "a")
    keys = {variant.object_key for variant in result.variants} | {
        original_key(result.sha256, "jpg")
    }
    put(store, tmp_path, *keys)
    look = strays._still_old
    recorded: list[JobState] = []

    def record_meanwhile(*arguments: Any) -> Any:
        if not recorded:
            recorded.append(record(database, mine, [result]))
        return look(*arguments)

    monkeypatch.setattr(strays, "_still_old", record_meanwhile)
    tally = collect(database, store)

    assert recorded == [JobState.READY]
    assert keys_in(store) == keys == keys_of(database, "a")
    assert tally.amounts[Garbage.STRAY_VARIANTS].count == 0


def test_an_attempt_that_stored_what_was_removed_meanwhile_does_not_announce_it(
    database: Database, store: ObjectStore, tmp_path: Path
) -> None:
    job = submitted(database, "a")
    mine = claimed(database, job.job_id)
    result = done(mine.images[0], "a")
    put(store, tmp_path, *(variant.object_key for variant in result.variants))

    collect(database, store)
    record(database, mine, [result])

    (image,) = image_rows(database, job.product_id)
    assert (image.state, image.error_code) == (ImageState.FAILED, ErrorCode.OBJECTS_REMOVED)
    assert finished(database, "a").job_id  # a later attempt may
    assert {image.state for image in image_rows(database, job.product_id)} == {ImageState.READY}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_killed_collection_is_finished_by_the_next(
    database: Database,
    store: ObjectStore,
    store_settings: StoreSettings,
    tmp_path: Path,
    moment: str,
) -> None:
    old = superseded(database, store, tmp_path)
    put(store, tmp_path, stray("b"))
    kept = keys_in(store) - old - {stray("b")}
    collect(database, store, replace(AGED, grace=timedelta(hours=1)))
    let_days_pass(database, 31)
    with database.transaction() as session:
        url = session.get_bind().engine.url.render_as_string(hide_password=False)

    killed = subprocess.run(
        [sys.executable, "-m", "tests.integration.tasks.collecting", moment, url],
        env={**os.environ, **_variables(store_settings)},
        timeout=60,
        check=False,
    )

    assert killed.returncode == -signal.SIGKILL
    assert kept <= keys_in(store)
    assert count(database, "variants") == 0  # the rows went first
    execute(database, "UPDATE retirements SET removed_until = now() - interval '1 second'")
    collect(database, store)
    assert keys_in(store) == kept


def _variables(settings: StoreSettings) -> dict[str, str]:
    return {
        "S3_ENDPOINT": settings.endpoint,
        "S3_ACCESS_KEY": settings.access_key,
        "S3_SECRET_KEY": settings.secret_key,
        "S3_BUCKET": settings.bucket,
    }


def test_a_folder_that_somebody_else_is_removing_is_left_to_them(
    database: Database, store: ObjectStore, tmp_path: Path
) -> None:
    put(store, tmp_path, stray("b"))
    with database.transaction() as session:
        session.add(
            Retirement(
                folder=stray("b").rpartition("/")[0],
                original_sha256=sha256_of("b"),
                fingerprint="0" * 16,
                removed_until=text("now() + interval '1 minute'"),
            )
        )

    collect(database, store)

    assert keys_in(store) == {stray("b")}
