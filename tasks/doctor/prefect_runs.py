"""What Prefect shows: deployments, schedules, and runs, each of which must have a worker."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from infra.contract.deployments import DEPLOYMENTS, SCHEDULED
from infra.http import PrefectApi, missing_deployments, probe_prefect
from tasks.chunks.status import bulk_statuses
from tasks.doctor.finding import Finding, Level, System, ok
from tasks.jobs.status import statuses_by_flow_run
from tasks.workers.heartbeat import ALIVE_WITHIN_SECONDS, live_workers

_QUIET = timedelta(minutes=2)  # by then the reaper has closed a run without a worker
_LATE = timedelta(minutes=10)
_MOST = 200  # what Prefect returns at once


def check_deployments(system: System) -> Finding:
    """Whether Prefect knows our deployments, and none is paused."""
    settings = system.settings.prefect
    probe_prefect(settings.api_url, timeout_seconds=10)
    missing = missing_deployments(settings.api_url, DEPLOYMENTS, settings.api_auth_string)
    if missing:
        detail = f"Prefect lacks {', '.join(missing)}, or the work pool of theirs."
        return Finding(Level.BROKEN, detail, "Run: python -m flows.deploy.")
    names = {"deployments": {"name": {"any_": list(DEPLOYMENTS)}}, "limit": _MOST}
    found = _prefect(system).filter("deployments", names)
    paused = sorted(each["name"] for each in found if each["paused"])
    pools = _prefect(system).filter("work_pools", {"limit": _MOST})
    ours = {each["work_pool_name"] for each in found}
    paused += sorted(
        f"work pool {p['name']}" for p in pools if p["is_paused"] and p["name"] in ours
    )
    if paused:
        detail = f"Paused in Prefect: {', '.join(paused)}."
        return Finding(
            Level.WARNING, detail, "Resume them in Prefect's UI when you want work done."
        )
    return ok(f"All {len(DEPLOYMENTS)} are there.")


def check_schedules(system: System) -> Finding:
    """Whether schedules are on, Prefect plans their runs, and workers take these in time."""
    names = {"deployments": {"name": {"any_": list(SCHEDULED)}}, "limit": _MOST}
    prefect = _prefect(system)
    off = [
        each["name"]
        for each in prefect.filter("deployments", names)
        if each["paused"] or not any(one["active"] for one in each["schedules"])
    ]
    if off:
        detail = f"The schedules of {', '.join(sorted(off))} are off."
        return Finding(Level.WARNING, detail, "Switch them on in Prefect's UI.")
    state = {"state": {"type": {"any_": ["SCHEDULED"]}}}
    wanted = {**names, "flow_runs": state, "sort": "EXPECTED_START_TIME_ASC"}
    runs = prefect.filter("flow_runs", wanted)
    now = datetime.now(UTC)
    late = [run["name"] for run in runs if _moment(run["expected_start_time"]) < now - _LATE]
    if late:
        detail = f"{len(late)} scheduled runs are late by more than {_LATE.seconds // 60} minutes."
        return Finding(Level.BROKEN, detail, "Start a worker, and see its log for `polling`.")
    if not any(_moment(run["expected_start_time"]) > now for run in runs):
        detail = "Prefect plans no scheduled run."
        return Finding(
            Level.BROKEN, detail, "Restart the Prefect server: its scheduler stands still."
        )
    return ok(f"{len(SCHEDULED)} schedules are on; the next run is planned.")


def check_runs(system: System) -> Finding:
    """Whether each run that Prefect shows as active has a worker behind it."""
    state = {"state": {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}}
    wanted = {
        "flow_runs": state,
        "deployments": {"name": {"any_": list(DEPLOYMENTS)}},
        "limit": _MOST,
    }
    quiet = datetime.now(UTC) - _QUIET
    runs = [
        run
        for run in _prefect(system).filter("flow_runs", wanted)
        if _moment(run["state"]["timestamp"]) < quiet
    ]
    dead = _without_worker(system, runs)
    if not dead:
        return ok("Each active run has a worker.")
    detail = f"{len(dead)} runs are shown as active, and no worker is behind them: {dead[0]}."
    advice = "Start a worker, whose reaper closes them; see its log for `reaper interrupted`."
    return Finding(Level.BROKEN, detail, advice)


def _without_worker(system: System, runs: Sequence[dict[str, Any]]) -> list[str]:
    """Return the names of the runs whose work no living worker holds."""
    ids = [UUID(run["id"]) for run in runs]
    jobs = statuses_by_flow_run(system.database, ids)
    bulk = bulk_statuses(system.database, ids)
    workers = live_workers(system.database, ALIVE_WITHIN_SECONDS)
    dead = []
    for run_id, run in zip(ids, runs, strict=True):
        if run_id in bulk:
            is_pending = run["state"]["type"] == "PENDING"
            alive = not bulk[run_id].is_done and (bulk[run_id].lease_is_live or is_pending)
        elif run_id in jobs:
            alive = jobs[run_id].lease_is_live
        else:
            alive = run["infrastructure_pid"] in workers
        if not alive:
            dead.append(run["name"])
    return dead


def _prefect(system: System) -> PrefectApi:
    settings = system.settings.prefect
    return PrefectApi(settings.api_url, settings.api_auth_string)


def _moment(moment: str) -> datetime:
    return datetime.fromisoformat(moment)
