"""A machine that is busy with other things: the intake stays open, and no lease is lost."""

import pytest

from tests.pictures import PictureServer
from tests.support.evidence import small
from tests.support.faults.busy import busy_loops
from tests.support.own_workers import Hiring
from tests.world import World

_PATIENCE_SECONDS = 240.0
_LOOPS = 12

pytestmark = pytest.mark.usefixtures("off_duty")


def test_the_gate_stays_open_on_a_busy_machine_and_no_lease_is_lost(
    world: World, pictures: PictureServer, hire: Hiring
) -> None:
    worker = hire(JOB_LEASE_SECONDS="15")
    with busy_loops(_LOOPS, seconds=_PATIENCE_SECONDS):
        ids = [world.post(small(pictures, 8100 + n))["job_id"] for n in range(24)]
        jobs = [world.finished(each, seconds=_PATIENCE_SECONDS) for each in ids]

    assert {(job["state"], job["attempts"]) for job in jobs} == {("ready", 1)}
    assert "worker pauses" not in worker.text
    assert "lease lost" not in worker.text
