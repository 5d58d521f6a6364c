"""Every part, and the pairs whose work is tied together, through every fault, under many jobs.

At normal load, and beside busy loops that leave the system a small share of the machine.
`ORDEAL_JOBS` in the environment says how many: 300 when it says nothing.
"""

import os
from contextlib import nullcontext

import pytest

from infra.db.engine import Database
from tests.pictures import PictureServer
from tests.support.faults.ordeal import Fault, Ordeal, busy_loops, inflict
from tests.world import World

_JOBS = int(os.environ.get("ORDEAL_JOBS", "300"))
_BUSY_LOOPS = 8
_PARTS = [
    *(("api",), ("worker-1",), ("rabbitmq",), ("postgres",), ("prefect",), ("redis",), ("s3",)),
    *(("rabbitmq", "worker-1"), ("postgres", "worker-1"), ("prefect", "rabbitmq")),
]


@pytest.mark.parametrize("loops", [0, _BUSY_LOOPS], ids=["quiet", "busy"])
@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("parts", _PARTS, ids=" and ".join)
def test_the_jobs_come_through_whole(
    parts: tuple[str, ...],
    fault: Fault,
    loops: int,
    world: World,
    pictures: PictureServer,
    database: Database,
) -> None:
    with busy_loops(loops) if loops else nullcontext():
        Ordeal(world, pictures, database).undergo(_JOBS, lambda: inflict(world, parts, fault))
