"""A batch through the whole system against bare Pillow."""

from collections.abc import Sequence
from time import perf_counter

from rich.console import Console
from rich.table import Table

from infra.contract.states import BatchState
from infra.db.engine import Database
from infra.settings.sections import DatabaseSettings
from infra.stack.stack import Stack
from tests.benchmarks.bare_pillow import images_per_second
from tests.benchmarks.bulk_costs import show_bulk_costs
from tests.pictures import PictureServer, photo
from tests.support.bulk_work import begin_batch, ended, small_ones
from tests.world import World

SIDE_PX = 2000
_ROUNDS = 3
_IMAGES = 80
_LONGEST_SECONDS = 600.0


def measure_bulk(stack: Stack, console: Console) -> None:
    """Print throughput of batches as ratios, and what a product costs besides its pixels."""
    settings = DatabaseSettings(url=stack.description.postgres_url)
    with PictureServer() as server, World(stack) as world, Database(settings) as database:
        _run(database, small_ones(server, 50_000, 20))  # warm
        show_bulk_costs(world, database, server=server, console=console)
        _show_throughput(database, server, console)


def _show_throughput(database: Database, server: PictureServer, console: Console) -> None:
    table = Table("products", "images/s", "bare Pillow", "ratio")
    for number in range(_ROUNDS):
        paths = [f"/large/{number}-{index}.jpg" for index in range(_IMAGES)]
        for index, path in enumerate(paths):
            seed = 60_000 + number * _IMAGES + index
            server.bodies[path] = photo(SIDE_PX, SIDE_PX, seed=seed, quality=90)
        rate = _IMAGES / _run(database, [server.url(path) for path in paths])
        bare = images_per_second([server.bodies.pop(path) for path in paths])
        table.add_row(str(_IMAGES), f"{rate:.2f}", f"{bare:.2f}", f"{rate / bare:.2f}")
    console.print(table)


def _run(database: Database, urls: Sequence[str]) -> float:
    """Return the seconds from a batch's commit to its end."""
    started = perf_counter()
    batch = begin_batch(database, urls)
    ended(database, batch, BatchState.READY, seconds=_LONGEST_SECONDS, every_seconds=0.1)
    return perf_counter() - started
