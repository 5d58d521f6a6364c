"""What KEDA asks PostgreSQL counts the jobs that need a worker: those that wait or run."""

import yaml  # type: ignore[import-untyped]  # PyYAML ships no types
from sqlalchemy import text

from infra.contract.states import Lane
from infra.db.engine import Database
from tests.architecture.support.source import ROOT
from tests.integration.tasks.job_rows import change, claimed, finished, submitted

SCALER = ROOT / "infra/kubernetes/keda/worker-scaler.yaml"


def counted(database: Database) -> dict[str, int]:
    """The answer to each trigger's query."""
    _, scaled = yaml.safe_load_all(SCALER.read_text(encoding="utf-8"))
    with database.transaction() as session:
        return {
            trigger["name"]: session.scalar(text(trigger["metadata"]["query"]))
            for trigger in scaled["spec"]["triggers"]
        }


def test_waiting_and_running_jobs_of_each_lane_count(database: Database) -> None:
    submitted(database, "waits")
    claimed(database, submitted(database, "runs").job_id)
    change(database, submitted(database, "in bulk").job_id, "lane = 'bulk'")

    assert counted(database) == {Lane.INTERACTIVE: 2, Lane.BULK: 1}


def test_jobs_that_ended_or_wait_for_a_supplier_do_not_count(database: Database) -> None:
    finished(database, "ended")
    parked = submitted(database, "parked").job_id
    change(database, parked, "not_before = now() + interval '1 hour'")

    assert counted(database) == {Lane.INTERACTIVE: 0, Lane.BULK: 0}
