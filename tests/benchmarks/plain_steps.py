"""The four steps of a product job in a plain loop: no Prefect, no broker, no lease to renew.

Run as a process of its own, so that its CPU is known. It claims the jobs whose ids it is given,
says "ready", waits for a line, does the steps of one job after the other, and says how many
seconds of CPU it has used itself; its pixel process is not counted.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Self
from uuid import UUID

from sqlalchemy import func, update

from flows.runtime.resources import WorkerConfiguration, WorkerResources, open_worker_resources
from infra.contract.states import JobState, Lane
from infra.db.engine import Database
from infra.db.models.jobs import Job
from infra.settings.sections import JobSettings
from infra.stack.stack import Stack
from tasks.jobs.claim import Claim, claim
from tasks.jobs.record import record
from tasks.steps.compress import compress
from tasks.steps.results import ClaimedImage, ImageDone
from tasks.steps.store import finish, store_original, store_variant
from tasks.submission.submit import Submission, submit_within

_OWNER = "plain steps"
_LEASE_SECONDS = 3600  # nobody renews it


def held_jobs(database: Database, urls: Sequence[str]) -> Sequence[UUID]:
    """Submit a job for each address that no worker takes; return their ids."""
    held = {
        "state": JobState.RUNNING,
        "lease_owner": _OWNER,
        "lease_expires_at": func.now() + timedelta(seconds=_LEASE_SECONDS),
        "started_at": func.now(),
    }
    with database.transaction() as session:
        wanted = [Submission(preset="web", urls=(url,), lane=Lane.BULK) for url in urls]
        ids = [submit_within(session, each).job_id for each in wanted]
        session.execute(update(Job).where(Job.id.in_(ids)).values(held))
    return ids


class PlainSteps:
    """The process, as seen by the benchmark."""

    def __init__(self, stack: Stack, job_ids: Sequence[UUID]) -> None:
        """Start it and wait until it holds all jobs."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, *map(str, job_ids)],
            env={**os.environ, **stack.part("worker-1").part.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._expect("ready")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self) -> float:
        """Do all jobs; return the seconds of CPU that the process itself needed."""
        stdin = self._process.stdin
        if stdin is None:
            raise RuntimeError("The process was started without a pipe.")
        stdin.write("go\n")
        stdin.flush()
        return float(self._expect("used"))

    def _expect(self, word: str) -> str:
        stdout = self._process.stdout
        for line in stdout or ():
            first, _, rest = line.strip().partition(" ")
            if first == word:
                return rest
        raise RuntimeError("The plain steps ended early: see what they wrote above.")


def main(job_ids: Sequence[UUID]) -> None:
    """Be that process."""
    with open_worker_resources(WorkerConfiguration.load()) as resources:
        claims = [_claim(resources, job_id) for job_id in job_ids]
        asyncio.run(_do(resources, claims[0]))  # warm
        print("ready", flush=True)  # noqa: T201
        sys.stdin.readline()
        before = process_time()
        asyncio.run(_do_all(resources, claims[1:]))
        print("used", process_time() - before, flush=True)  # noqa: T201


def _claim(resources: WorkerResources, job_id: UUID) -> Claim:
    """A lease that has just ended can be claimed; workers leave it alone for some seconds."""
    with resources.database.transaction() as session:
        ended = {"lease_expires_at": func.now()}
        session.execute(update(Job).where(Job.id == job_id).values(ended))
    settings = JobSettings(lease_seconds=_LEASE_SECONDS)
    claimed = claim(resources.database, job_id, owner=_OWNER, settings=settings)
    if not isinstance(claimed, Claim):
        raise TypeError(f"Job {job_id} cannot be claimed: {claimed}.")
    return claimed


async def _do_all(resources: WorkerResources, claims: Sequence[Claim]) -> None:
    for claimed in claims:
        await _do(resources, claimed)


async def _do(resources: WorkerResources, claimed: Claim) -> None:
    with TemporaryDirectory() as directory:
        make = partial(_make, resources, claimed, Path(directory))
        results = [await make(image) for image in claimed.images]
    state = record(resources.database, claimed, results)
    if state is not JobState.READY:
        raise RuntimeError(f"Job {claimed.job_id} became {state}.")


async def _make(
    resources: WorkerResources, claimed: Claim, directory: Path, image: ClaimedImage
) -> ImageDone:
    preset = resources.configuration.presets.named(claimed.preset)
    fetched = resources.source.fetch(image, directory)
    rendered = await compress(resources.pixels, fetched, directory, preset=preset, lane=Lane.BULK)
    original = store_original(resources.store, rendered)
    files = rendered.rendition.variants
    return finish(
        rendered,
        original,
        [store_variant(resources.store, rendered.rendition, file) for file in files],
    )


if __name__ == "__main__":
    main([UUID(argument) for argument in sys.argv[1:]])
