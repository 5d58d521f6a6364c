"""One-image jobs beside processes that compute for ever, and how soon a frozen Prefect is noticed.

On a busy machine less CPU is left to us. What is left should be used: nothing of ours may stand
still because another part takes its time to answer.
"""

from dataclasses import dataclass
from time import monotonic

from rich.console import Console
from rich.table import Table

from infra.stack.stack import Stack
from tests.benchmarks.cpu import cpu_used
from tests.benchmarks.latency import fresh_pictures
from tests.benchmarks.throughput import run_jobs
from tests.pictures import PictureServer
from tests.support.faults.busy import busy_loops
from tests.support.faults.holding import frozen
from tests.support.prefect_hands import LogFrom, worker_log
from tests.waiting import eventually
from tests.world import World

_JOBS = 100
_LOOPS = 8
_LONGEST_SECONDS = 1200.0
_FROZEN_SECONDS = 20.0
_WANTED = 0.8


@dataclass(frozen=True, slots=True)
class _Run:
    seconds: float
    cpu_seconds: float
    said: str

    @property
    def jobs_per_second(self) -> float:
        return _JOBS / self.seconds

    @property
    def cores(self) -> float:
        """How many cores our processes had on average."""
        return self.cpu_seconds / self.seconds


def measure_busy_machine(stack: Stack, console: Console) -> None:
    """Print the throughput alone and beside busy loops, and what a frozen Prefect does."""
    with PictureServer() as server, World(stack) as world:
        fresh = fresh_pictures(server)
        run_jobs(world, [[fresh()] for _ in range(8)])  # warm
        alone = _run(world, [[fresh()] for _ in range(_JOBS)])
        with busy_loops(_LOOPS, seconds=_LONGEST_SECONDS):
            beside = _run(world, [[fresh()] for _ in range(_JOBS)])
        closes, opens = _freeze(world)
    table = Table("100 jobs", "jobs/s", "cores that we had", "intake paused", "leases lost")
    for name, found in (("alone", alone), (f"beside {_LOOPS} busy loops", beside)):
        counts = (str(found.said.count(words)) for words in ("worker pauses", "lease lost"))
        table.add_row(name, f"{found.jobs_per_second:.2f}", f"{found.cores:.2f}", *counts)
    console.print(table)
    expected = alone.jobs_per_second * beside.cores / alone.cores
    console.print(
        f"Beside the loops {beside.jobs_per_second / expected:.2f} of what the CPU that was left"
        f" to us allows (aim: {_WANTED})."
    )
    console.print(
        f"Prefect frozen for {_FROZEN_SECONDS:.0f} s: intake paused after {closes:.1f} s (aim: 10),"
        f" resumed {opens:.1f} s after its return (aim: 5)."
    )


def _run(world: World, work: list[list[str]]) -> _Run:
    log = worker_log(world)
    seconds: list[float] = []
    used = cpu_used(world, lambda: seconds.append(run_jobs(world, work, seconds=_LONGEST_SECONDS)))
    return _Run(seconds[0], sum(used.values()), log.text)


def _freeze(world: World) -> tuple[float, float]:
    log = worker_log(world)
    with frozen(world, "prefect"):
        began = monotonic()
        closes = _seconds_until(log, "worker pauses")
        eventually(lambda: monotonic() - began >= _FROZEN_SECONDS, "enough time", seconds=60)
    return closes, _seconds_until(log, "worker goes on")


def _seconds_until(log: LogFrom, words: str) -> float:
    since = monotonic()
    log.wait_for(words)
    return monotonic() - since
