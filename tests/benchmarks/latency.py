"""POST to ready of single-image jobs, on an idle system and while a large batch is under way."""

import random
import time
from collections.abc import Callable, Sequence
from itertools import count
from statistics import median
from uuid import UUID, uuid4

from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select

from infra.contract.states import BatchState
from infra.db.engine import Database
from infra.db.models.jobs import Job, JobImage
from infra.settings.sections import DatabaseSettings
from infra.stack.stack import Stack
from tasks.batches.cancel import cancel_batch
from tasks.pixels.cpus import usable_cpus
from tests.benchmarks.throughput import SIDE_PX, run_jobs
from tests.pictures import PictureServer, photo
from tests.support.bulk_work import at_least, begin_batch, ended, states
from tests.world import World

_PRODUCTS = 500
_JOBS = 15
_PAUSE_SECONDS = 1.0  # at most; of another length each time, so that bulk images do not keep step
_BUSY_FROM = 4  # bulk images are ready when the first job is posted
_LONGEST_SECONDS = 300.0
_JPEG_START, _JPEG_COMMENT = b"\xff\xd8", b"\xff\xfe"


def measure_latency(stack: Stack, console: Console) -> None:
    """Print both latencies, how much they differ, and what one image of the batch took."""
    settings = DatabaseSettings(url=stack.description.postgres_url)
    with PictureServer() as server, World(stack) as world, Database(settings) as database:
        fresh = fresh_pictures(server)
        _seconds_of_jobs(world, fresh, 4)  # warm
        idle = _seconds_of_jobs(world, fresh, _JOBS)
        batch = begin_batch(database, [fresh() for _ in range(_PRODUCTS)])
        at_least(database, batch, _BUSY_FROM)
        before, started = _made(database, batch), time.perf_counter()
        busy = _seconds_of_jobs(world, fresh, _JOBS)
        bulk = _made(database, batch) - before
        image_seconds = usable_cpus() * (time.perf_counter() - started) / (bulk + _JOBS)
        waiting = states(database, batch)["queued"]
        cpu_seconds = _cpu_seconds(database, batch)
        cancel_batch(database, batch)
        ended(database, batch, BatchState.CANCELLED, seconds=_LONGEST_SECONDS)
    _show(console, idle, busy, waiting=waiting)
    growth = median(busy) - median(idle)
    console.print(
        f"Growth of the median: {growth:.2f} s, that is {growth / image_seconds:.2f} times the"
        f" {image_seconds:.2f} s that a picture kept a pixel process meanwhile ({bulk} of the"
        f" batch were made; making the variants of one took {cpu_seconds:.2f} s of CPU)."
    )


def _show(console: Console, idle: Sequence[float], busy: Sequence[float], *, waiting: int) -> None:
    table = Table("POST to ready, s", "jobs", "median", "min", "max", "bulk products that wait")
    for name, found, left in (("idle", idle, 0), ("beside a batch", busy, waiting)):
        cells = (f"{value:.2f}" for value in (median(found), min(found), max(found)))
        table.add_row(name, str(len(found)), *cells, str(left))
    console.print(table)


def fresh_pictures(server: PictureServer) -> Callable[[], str]:
    """Return what gives the address of another picture each time: as costly, other bytes."""
    bodies = [photo(SIDE_PX, SIDE_PX, seed=70_000 + seed, quality=90) for seed in range(8)]
    run, numbers = uuid4(), count()

    def fresh() -> str:
        number = next(numbers)
        text = f"{run} {number}".encode()
        comment = _JPEG_COMMENT + (len(text) + 2).to_bytes(2) + text
        body = bodies[number % len(bodies)]
        path = f"/latency/{number}.jpg"
        server.bodies[path] = _JPEG_START + comment + body[len(_JPEG_START) :]
        return server.url(path)

    return fresh


def _seconds_of_jobs(world: World, fresh: Callable[[], str], jobs: int) -> list[float]:
    """Post jobs one after the other; return what each took to be ready."""
    found = []
    for _ in range(jobs):
        time.sleep(random.uniform(0, _PAUSE_SECONDS))
        found.append(run_jobs(world, [[fresh()]]))
    return found


def _made(database: Database, batch_id: UUID) -> int:
    return states(database, batch_id)["ready"]


def _cpu_seconds(database: Database, batch_id: UUID) -> float:
    """Return the median of the CPU time that the batch's images took."""
    cost = func.percentile_cont(0.5).within_group(JobImage.cpu_seconds)
    of_batch = select(cost).join(Job, Job.id == JobImage.job_id).where(Job.batch_id == batch_id)
    with database.transaction() as session:
        return float(session.scalar(of_batch) or 0)
