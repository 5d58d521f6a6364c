"""Jobs and batches that ended long ago go where the settings say so; what products show stays."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from infra.db.engine import Database
from infra.db.ids import new_id
from infra.objectstore import ObjectStore
from tasks.upkeep.garbage import Garbage, Tally
from tests.integration.tasks.contents.litter import AGED, collect, execute
from tests.integration.tasks.job_rows import change, count, finished, submitted

KEPT = replace(AGED, job_retention=timedelta(days=90))


def ended(database: Database, name: str, days: int) -> UUID:
    job_id = finished(database, name).job_id
    change(database, job_id, f"finished_at = now() - interval '{days} days'")
    return job_id


def counts(tally: Tally) -> tuple[int, int]:
    kinds = (Garbage.OLD_BATCHES, Garbage.OLD_JOBS)
    batches, jobs = (tally.amounts[kind].count for kind in kinds)
    return batches, jobs


def test_old_jobs_go_and_young_unfinished_and_shown_things_stay(
    database: Database, own_store: ObjectStore
) -> None:
    ended(database, "a", 100)
    ended(database, "b", 80)
    submitted(database, "c")

    assert counts(collect(database, own_store, KEPT)) == (0, 1)
    assert (count(database, "jobs"), count(database, "images")) == (2, 3)
    assert counts(collect(database, own_store, KEPT)) == (0, 0)


def test_a_batch_goes_as_a_whole_with_its_jobs_and_only_after_its_end(
    database: Database, own_store: ObjectStore
) -> None:
    batch_id, job_id = new_id(), ended(database, "a", 100)
    values = f"('{batch_id}', 'import', 'ready', 'web', now() - interval '80 days')"
    execute(database, f"INSERT INTO batches (id, kind, state, preset, finished_at) VALUES {values}")
    change(database, job_id, f"batch_id = '{batch_id}'")

    assert counts(collect(database, own_store, KEPT)) == (0, 0)
    execute(database, "UPDATE batches SET finished_at = now() - interval '91 days'")

    assert counts(collect(database, own_store, KEPT)) == (1, 1)
    assert (count(database, "batches"), count(database, "jobs")) == (0, 0)


def test_by_default_and_in_a_dry_run_nothing_goes(
    database: Database, own_store: ObjectStore
) -> None:
    ended(database, "a", 4000)

    assert counts(collect(database, own_store)) == (0, 0)
    assert counts(collect(database, own_store, replace(KEPT, dry_run=True))) == (0, 1)
    assert count(database, "jobs") == 1
