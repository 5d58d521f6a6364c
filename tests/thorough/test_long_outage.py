"""Prefect stays away for longer than its client asks again: no job suffers from that either."""

import pytest

from tests.pictures import PictureServer
from tests.support.faults.outage import assert_paused, prefect_away_for
from tests.support.own_workers import Hiring
from tests.world import World

pytestmark = pytest.mark.usefixtures("off_duty")

# The client waits for 2, 4, 8 … seconds, five times unless told otherwise.
_ONCE_MORE = {"PREFECT_CLIENT_MAX_RETRIES": "1", "PREFECT_CLIENT_RETRY_JITTER_FACTOR": "0"}


def test_prefect_away_for_longer_than_its_client_is_patient_costs_no_job_an_attempt(
    world: World, pictures: PictureServer, hire: Hiring
) -> None:
    worker = hire(**_ONCE_MORE)
    prefect_away_for(world, pictures, 20, 5520)
    assert_paused(worker.text, "Prefect is away")
