"""What a job costs besides its pixels: CPU by part, per one-image job, idle cost subtracted."""

import time

from rich.console import Console
from rich.table import Table

from infra.stack.stack import Stack
from tests.benchmarks.cpu import cpu_used
from tests.benchmarks.throughput import run_jobs
from tests.pictures import PictureServer, photo
from tests.world import World

_JOBS = 60
_SIDE_PX = 300  # small, so that the pixels do not get in the way of the rest
_IDLE_SECONDS = 10.0
_SETTLING_SECONDS = 3.0  # the Prefect server writes in batches a little later


def measure_orchestration(stack: Stack, console: Console) -> None:
    """Print milliseconds of CPU per job for every part but the pixel processes."""
    with PictureServer() as server, World(stack) as world:
        urls = []
        for seed in range(_JOBS + 8):
            server.bodies[f"/small/{seed}.jpg"] = photo(_SIDE_PX, _SIDE_PX, seed=seed)
            urls.append(server.url(f"/small/{seed}.jpg"))
        run_jobs(world, [[url] for url in urls[_JOBS:]])  # warm
        time.sleep(_SETTLING_SECONDS)
        idle = cpu_used(world, lambda: time.sleep(_IDLE_SECONDS))
        started = time.perf_counter()
        busy = cpu_used(world, lambda: _work(world, urls[:_JOBS]))
        seconds = time.perf_counter() - started
    table = Table("part", "CPU ms per job", "idle, CPU ms per s")
    total = 0.0
    for part in sorted(busy, key=lambda name: -busy[name]):
        if part == "pixels":
            continue
        idle_per_second = idle.get(part, 0) / _IDLE_SECONDS
        per_job = (busy[part] - idle_per_second * seconds) / _JOBS * 1000
        total += per_job
        table.add_row(part, f"{per_job:.0f}", f"{idle_per_second * 1000:.0f}")
    table.add_row("all", f"{total:.0f}", f"{sum(idle.values()) / _IDLE_SECONDS * 1000:.0f}")
    console.print(table)


def _work(world: World, urls: list[str]) -> None:
    run_jobs(world, [[url] for url in urls])
    time.sleep(_SETTLING_SECONDS)
