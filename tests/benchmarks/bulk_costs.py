"""What a product of a batch costs besides its pixels, against the same steps in a plain loop.

The difference is orchestration: the price of leases, retries, chunks, and of seeing it all in
Prefect.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

from rich.console import Console
from rich.table import Table

from infra.contract.states import BatchState
from infra.db.engine import Database
from tests.benchmarks.cpu import cpu_used
from tests.benchmarks.plain_steps import PlainSteps, held_jobs
from tests.pictures import PictureServer
from tests.support.bulk_work import begin_batch, ended, small_ones
from tests.world import World

_JOBS = 200
_IDLE_SECONDS = 10.0
_SETTLING_SECONDS = 5.0  # the Prefect server writes in batches a little later
_LONGEST_SECONDS = 600.0
_WORKER = "worker-1"


@dataclass(frozen=True, slots=True)
class _System:
    """The running system, and what its parts use of CPU seconds per second while idle."""

    world: World
    database: Database
    idle: Mapping[str, float]

    def milliseconds_per_job(self, work: Callable[[], None]) -> dict[str, float]:
        """Return the CPU that each part needed for the work, beyond what it needs anyway."""
        started = perf_counter()
        used = cpu_used(self.world, work)
        seconds = perf_counter() - started
        return {
            part: (used[part] - self.idle.get(part, 0) * seconds) / _JOBS * 1000 for part in used
        }


def show_bulk_costs(
    world: World, database: Database, *, server: PictureServer, console: Console
) -> None:
    """Print milliseconds of CPU per product by part, for a batch and for a plain loop."""
    time.sleep(_SETTLING_SECONDS)
    idle = cpu_used(world, lambda: time.sleep(_IDLE_SECONDS))
    system = _System(world, database, {part: used / _IDLE_SECONDS for part, used in idle.items()})
    batch = system.milliseconds_per_job(
        lambda: _in_batch(database, small_ones(server, 51_000, _JOBS))
    )
    plain = _plainly(system, small_ones(server, 52_000, _JOBS + 1))
    table = Table("part", "in a batch, CPU ms", "plain steps", "orchestration")
    parts = [part for part in sorted(batch, key=lambda part: -batch[part]) if part != "pixels"]
    for part in parts:
        if max(batch[part], plain[part]) >= 0.1:
            _add(table, part, batch[part], plain[part])
    _add(table, "all", sum(batch[part] for part in parts), sum(plain[part] for part in parts))
    console.print(table)


def _add(table: Table, part: str, batch: float, plain: float) -> None:
    table.add_row(part, f"{batch:.1f}", f"{plain:.1f}", f"{batch - plain:.1f}")


def _in_batch(database: Database, urls: Sequence[str]) -> None:
    batch = begin_batch(database, urls)
    ended(database, batch, BatchState.READY, seconds=_LONGEST_SECONDS, every_seconds=0.1)
    time.sleep(_SETTLING_SECONDS)


def _plainly(system: _System, urls: Sequence[str]) -> dict[str, float]:
    """The loop's own process takes the worker's place; its first job only warms it."""
    with PlainSteps(system.world.stack, held_jobs(system.database, urls)) as steps:
        own_seconds: list[float] = []
        plain = system.milliseconds_per_job(lambda: own_seconds.append(steps.run()))
    return {**plain, _WORKER: own_seconds[0] / _JOBS * 1000}
