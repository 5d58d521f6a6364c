"""Collections that are killed, and attempts that store and record meanwhile."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from infra.contract.object_keys import original_key
from infra.contract.states import ImageState, JobState
from infra.db.engine import Database
from infra.db.models.retirements import Retirement
from infra.objectstore import ObjectStore
from infra.settings.sections import StoreSettings
from tasks.jobs.record import record
from tasks.upkeep import orphans
from tasks.upkeep.garbage import Garbage
from tests.integration.tasks.contents.litter import (
    AGED,
    collect,
    execute,
    keys_in,
    keys_of,
    let_days_pass,
    put,
    stray,
    superseded,
)
from tests.integration.tasks.job_rows import (
    claimed,
    count,
    done,
    finished,
    image_rows,
    sha256_of,
    submitted,
)


def test_an_object_whose_row_appears_between_listing_and_removal_stays(
    database: Database, own_store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submitted(database, "a")
    mine = claimed(database, job.job_id)
    result = done(mine.images[0], "a")
    keys = {variant.object_key for variant in result.variants} | {
        original_key(result.sha256, "jpg")
    }
    put(own_store, tmp_path, *keys)
    look = orphans._still_old
    recorded: list[JobState] = []

    def record_meanwhile(*arguments: Any) -> Any:
        if not recorded:
            recorded.append(record(database, mine, [result]))
        return look(*arguments)

    monkeypatch.setattr(orphans, "_still_old", record_meanwhile)
    tally = collect(database, own_store)

    assert recorded == [JobState.READY]
    assert keys_in(own_store) == keys == keys_of(database, "a")
    assert tally.amounts[Garbage.STRAY_VARIANTS].count == 0


def test_an_attempt_that_stored_what_was_removed_meanwhile_does_not_announce_it(
    database: Database, own_store: ObjectStore, tmp_path: Path
) -> None:
    job = submitted(database, "a")
    mine = claimed(database, job.job_id)
    result = done(mine.images[0], "a")
    put(own_store, tmp_path, *(variant.object_key for variant in result.variants))

    collect(database, own_store)
    record(database, mine, [result])

    (image,) = image_rows(database, job.product_id)
    assert (image.state, image.error_code) == (ImageState.QUEUED, None)
    assert finished(database, "a").job_id  # a later attempt may
    assert {image.state for image in image_rows(database, job.product_id)} == {ImageState.READY}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_killed_collection_is_finished_by_the_next(
    database: Database,
    own_store: ObjectStore,
    own_store_settings: StoreSettings,
    tmp_path: Path,
    moment: str,
) -> None:
    old = superseded(database, own_store, tmp_path)
    put(own_store, tmp_path, stray("b"))
    kept = keys_in(own_store) - old - {stray("b")}
    collect(database, own_store, replace(AGED, grace=timedelta(hours=1)))
    let_days_pass(database, 31)
    with database.transaction() as session:
        url = session.get_bind().engine.url.render_as_string(hide_password=False)

    killed = subprocess.run(
        [sys.executable, "-m", "tests.integration.tasks.contents.collecting", moment, url],
        env={**os.environ, **_variables(own_store_settings)},
        timeout=60,
        check=False,
    )

    assert killed.returncode == -signal.SIGKILL
    assert kept <= keys_in(own_store)
    assert count(database, "variants") == 0  # the rows went first
    execute(database, "UPDATE retirements SET removed_until = now() - interval '1 second'")
    collect(database, own_store)
    assert keys_in(own_store) == kept


def _variables(settings: StoreSettings) -> dict[str, str]:
    return {
        "S3_ENDPOINT": settings.endpoint,
        "S3_ACCESS_KEY": settings.access_key,
        "S3_SECRET_KEY": settings.secret_key,
        "S3_BUCKET": settings.bucket,
    }


def test_a_folder_that_somebody_else_is_removing_is_left_to_them(
    database: Database, own_store: ObjectStore, tmp_path: Path
) -> None:
    put(own_store, tmp_path, stray("b"))
    with database.transaction() as session:
        session.add(
            Retirement(
                folder=stray("b").rpartition("/")[0],
                original_sha256=sha256_of("b"),
                fingerprint="0" * 16,
                removed_until=text("now() + interval '1 minute'"),
            )
        )

    collect(database, own_store)

    assert keys_in(own_store) == {stray("b")}
