"""What nobody needs goes; nothing that is referred to, and nothing young, ever does."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from infra.contract.object_keys import original_key
from infra.db.engine import Database
from infra.objectstore import ObjectStore
from infra.settings.sections import GarbageSettings
from tasks.upkeep.garbage import Garbage, Rules
from tests.integration.tasks.contents.litter import (
    AGED,
    WEBHOOKS,
    collect,
    execute,
    keys_in,
    keys_of,
    let_days_pass,
    put,
    stray,
    superseded,
)
from tests.integration.tasks.job_rows import count, finished, sha256_of


def test_objects_without_rows_go_and_those_with_rows_stay(
    database: Database, own_store: ObjectStore, tmp_path: Path
) -> None:
    finished(database, "a")
    kept = keys_of(database, "a")
    put(own_store, tmp_path, *kept, stray("b"), stray("a"), original_key(sha256_of("b"), "jpg"))

    tally = collect(database, own_store)

    assert keys_in(own_store) == kept
    assert tally.amounts[Garbage.STRAY_VARIANTS].count == 2
    assert tally.amounts[Garbage.STRAY_ORIGINALS].count == 1
    assert tally.amounts[Garbage.STRAY_ORIGINALS].bytes == len(b"bytes")


def test_young_objects_stay_even_without_rows(
    database: Database, own_store: ObjectStore, tmp_path: Path
) -> None:
    put(own_store, tmp_path, stray("b"))

    collect(database, own_store, Rules.of(GarbageSettings(), WEBHOOKS))

    assert keys_in(own_store) == {stray("b")}


def test_an_object_whose_key_is_not_of_our_form_stays_and_is_counted(
    database: Database, own_store: ObjectStore, tmp_path: Path
) -> None:
    put(own_store, tmp_path, "variants/somebody/else.webp")

    tally = collect(database, own_store)

    assert (tally.unknown, keys_in(own_store)) == (1, {"variants/somebody/else.webp"})


def test_a_dry_run_counts_and_touches_nothing(
    database: Database, own_store: ObjectStore, tmp_path: Path
) -> None:
    superseded(database, own_store, tmp_path)
    put(own_store, tmp_path, stray("b"))
    collect(database, own_store, replace(AGED, grace=timedelta(hours=1)))  # notes the old variants
    let_days_pass(database, 31)
    before = keys_in(own_store), count(database, "variants"), count(database, "retirements")

    tally = collect(database, own_store, replace(AGED, dry_run=True))

    assert tally.amounts[Garbage.SUPERSEDED_VARIANTS].count == 2
    assert tally.amounts[Garbage.STRAY_VARIANTS].count == 1
    assert before == (
        keys_in(own_store),
        count(database, "variants"),
        count(database, "retirements"),
    )


def test_superseded_variants_stay_for_their_retention_and_then_go(
    database: Database, own_store: ObjectStore, tmp_path: Path
) -> None:
    old = superseded(database, own_store, tmp_path)

    assert collect(database, own_store).waiting == 1
    let_days_pass(database, 29)
    collect(database, own_store)
    assert keys_in(own_store) > old

    let_days_pass(database, 2)
    tally = collect(database, own_store)

    assert tally.amounts[Garbage.SUPERSEDED_VARIANTS].count == 2
    assert keys_in(own_store) == keys_of(database, "a") == {original_key(sha256_of("a"), "jpg")}


def test_variants_that_are_shown_again_begin_their_retention_anew(
    database: Database, own_store: ObjectStore, tmp_path: Path
) -> None:
    old = superseded(database, own_store, tmp_path)
    collect(database, own_store)
    let_days_pass(database, 31)

    execute(database, f"UPDATE images SET fingerprint = '{'f' * 16}'")
    collect(database, own_store)
    execute(database, "UPDATE images SET fingerprint = 'new'")
    collect(database, own_store)

    assert keys_in(own_store) >= old


def test_variants_that_a_recent_job_shows_stay(
    database: Database, own_store: ObjectStore, tmp_path: Path
) -> None:
    old = superseded(database, own_store, tmp_path)
    collect(database, own_store)
    execute(database, "UPDATE retirements SET since = now() - interval '40 days'")

    collect(database, own_store)

    assert keys_in(own_store) >= old


def test_an_original_that_no_image_shows_goes_after_its_variants(
    database: Database, own_store: ObjectStore, tmp_path: Path
) -> None:
    finished(database, "a")
    put(own_store, tmp_path, *keys_of(database, "a"))
    execute(database, "UPDATE images SET original_sha256 = NULL, fingerprint = NULL")
    collect(database, own_store)
    assert len(keys_in(own_store)) == 3

    let_days_pass(database, 31)
    tally = collect(database, own_store)

    assert tally.amounts[Garbage.UNSHOWN_ORIGINALS].count == 1
    assert keys_in(own_store) == set()
    assert count(database, "originals") == 1  # jobs name it
