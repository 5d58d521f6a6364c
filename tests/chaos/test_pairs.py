"""Two parts die at once under load; the other pairs, and far more jobs, are in tests/thorough."""

from infra.db.engine import Database
from tests.pictures import PictureServer
from tests.support.faults.ordeal import Fault, Ordeal, inflict
from tests.world import World

_JOBS = 8


def test_two_parts_killed_at_once_lose_nothing_and_double_nothing(
    world: World, pictures: PictureServer, database: Database
) -> None:
    parts = ("postgres", "worker-1")
    Ordeal(world, pictures, database).undergo(_JOBS, lambda: inflict(world, parts, Fault.KILLED))
