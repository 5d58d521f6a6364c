"""Two parts die at once under load, each pair once; the long form is in tests/thorough."""

import pytest

from infra.db.engine import Database
from tests.pictures import PictureServer
from tests.running.ordeal import Fault, Ordeal, inflict
from tests.world import World

_JOBS = 16


@pytest.mark.parametrize(
    "parts",
    [("rabbitmq", "worker-1"), ("postgres", "worker-1"), ("prefect", "rabbitmq")],
    ids=" and ".join,
)
def test_two_parts_killed_at_once_lose_nothing_and_double_nothing(
    parts: tuple[str, ...], world: World, pictures: PictureServer, database: Database
) -> None:
    Ordeal(world, pictures, database).undergo(_JOBS, lambda: inflict(world, parts, Fault.KILLED))
