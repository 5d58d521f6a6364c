"""Makes a new version the one that counts: `python -m flows.deploy`.

Sets the targets of presets, and brings the work pool and prefect.yaml to the Prefect server.

Deploys only when the file or the form of a flow changed: `prefect deploy` resets limits and
re-activates paused schedules. What was deployed last is noted on the server itself.
"""

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists
from prefect.variables import Variable

from flows.pool.worker_type import FLOWS, WORKER_TYPE, PoolWorker
from flows.reports.alarm_automation import ensure_alarm
from flows.runs.labels import batches_pool
from infra.db.engine import Database
from infra.http import missing_deployments
from infra.logs import configure_logs
from infra.settings.sections import (
    DatabaseSettings,
    FailureAlarmSettings,
    PrefectSettings,
    PresetSettings,
    forget_proxies,
)
from infra.waiting import wait_for
from tasks.presets import read_presets
from tasks.reprocess.targets import publish_targets

log = structlog.get_logger(__name__)

_BESIDE = Path(__file__).resolve().with_name("prefect.yaml")  # where a wheel has it
_FOLDER = _BESIDE.parent.parent  # the entrypoints begin below it
_DEPLOYMENTS = _BESIDE if _BESIDE.exists() else _FOLDER / _BESIDE.name
_DEPLOYED = "product_images_deployed"


async def _deploy(settings: PrefectSettings, alarm: FailureAlarmSettings) -> None:
    async with get_client() as client:
        for name in (settings.work_pool, batches_pool(settings.work_pool)):
            pool = WorkPoolCreate(
                name=name,
                type=WORKER_TYPE,
                description="Product jobs and upkeep.",
                base_job_template=PoolWorker.get_default_base_job_template(),
            )
            with suppress(ObjectAlreadyExists):
                await client.create_work_pool(pool)
        await _deploy_changes(settings)
        await ensure_alarm(client, alarm)


async def _deploy_changes(settings: PrefectSettings) -> None:
    digest = deployment_digest(_DEPLOYMENTS.read_bytes(), FLOWS)
    if await Variable[str].aget(_DEPLOYED) != digest:
        _prefect_deploy("--all")
        await Variable[str].aset(_DEPLOYED, digest, overwrite=True)
        log.info("deployed")
        return
    # Each deployment has the name of its flow.
    names = [flow.name for flow in FLOWS.values()]
    missing = missing_deployments(settings.api_url, names, settings.api_auth_string)
    if not missing:
        log.info("deployments are current")
        return
    # Only these: deploying resets changed limits and schedules.
    _prefect_deploy(*(word for name in missing for word in ("--name", name)))
    log.info("deployed again what was deleted", deployments=missing)


def _prefect_deploy(*what: str) -> None:
    prefect = (sys.executable, "-m", "prefect", "--no-prompt")
    deploy = ("deploy", "--prefect-file", str(_DEPLOYMENTS), *what)
    subprocess.run((*prefect, *deploy), cwd=_FOLDER, check=True)  # noqa: S603 - our own command


def deployment_digest(file: bytes, flows: Mapping[str, Flow[..., Any]]) -> str:
    """Return what changes when the file does, or what a server keeps of a flow: its form."""
    forms = {
        entrypoint: (flow.description, flow.parameters.model_dump(mode="json"))
        for entrypoint, flow in flows.items()
    }
    return hashlib.sha256(file + json.dumps(forms, sort_keys=True).encode()).hexdigest()


def main() -> None:
    """Set the targets of presets, then deploy to the configured Prefect server."""
    configure_logs()
    forget_proxies()
    presets = read_presets(PresetSettings.load())
    with Database(DatabaseSettings.load()) as database:
        wait_for("PostgreSQL", database.require_schema)
        publish_targets(database, presets)
    asyncio.run(_deploy(PrefectSettings.load(), FailureAlarmSettings.load()))


if __name__ == "__main__":
    main()
