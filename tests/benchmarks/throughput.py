"""Images per second through the whole system against bare Pillow, latency, and CPU by part."""

from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.table import Table

from infra.stack.stack import Stack
from tests.benchmarks.bare_pillow import images_per_second
from tests.benchmarks.cpu import cpu_used
from tests.pictures import PictureServer, photo
from tests.world import World

SIDE_PX = 2000
_ROUNDS = 3
_POLL_SECONDS = 0.1  # polling costs CPU that the system needs


def measure_throughput(stack: Stack, console: Console) -> None:
    """Print POST-to-ready latency, throughput of two shapes of work, and CPU by part."""
    seeds = iter(range(10_000, 20_000))
    with PictureServer() as server, World(stack) as world:

        def fresh() -> str:
            seed = next(seeds)
            server.bodies[f"/{seed}.jpg"] = photo(SIDE_PX, SIDE_PX, seed=seed, quality=90)
            return server.url(f"/{seed}.jpg")

        run_jobs(world, [[fresh()] for _ in range(8)])  # warm
        latencies = [run_jobs(world, [[fresh()]]) for _ in range(7)]
        table = Table("jobs", "images", "images/s", "bare Pillow", "ratio", "CPU s by part")
        for jobs, images in ((24, 1), (8, 5)):
            for _ in range(_ROUNDS):
                table.add_row(*_row(world, jobs, images, fresh=fresh, server=server))
    console.print(table)
    console.print(
        f"POST to ready, one {SIDE_PX} px square picture, idle system:"
        f" median {median(latencies):.2f} s, min {min(latencies):.2f}, max {max(latencies):.2f}"
    )


def _row(
    world: World, jobs: int, images: int, *, fresh: Callable[[], str], server: PictureServer
) -> tuple[str, ...]:
    work = [[fresh() for _ in range(images)] for _ in range(jobs)]
    bodies = list(server.bodies.values())[-jobs * images :]
    seconds: list[float] = []
    used = cpu_used(world, lambda: seconds.append(run_jobs(world, work)))
    rate, bare = jobs * images / seconds[0], images_per_second(bodies)
    shown = ", ".join(f"{part} {cpu:.1f}" for part, cpu in used.items() if cpu >= 0.05)
    return (str(jobs), str(images), f"{rate:.2f}", f"{bare:.2f}", f"{rate / bare:.2f}", shown)


def run_jobs(world: World, products: Sequence[Sequence[str]], *, seconds: float = 300) -> float:
    """Post all products, wait until all are ready, return the seconds."""
    started = perf_counter()
    accepted = [world.post(*urls)["job_id"] for urls in products]
    for job_id in accepted:
        job: Any = world.finished(job_id, seconds=seconds, every_seconds=_POLL_SECONDS)
        if job["state"] != "ready":
            raise RuntimeError(f"job {job_id} is {job['state']}: {job}")
    return perf_counter() - started
