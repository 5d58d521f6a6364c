"""A supplier that may be asked only now and then: its jobs wait, and none of them fails for it."""

from collections.abc import Iterator

import pytest

from tests.chaos.evidence import small
from tests.chaos.own_workers import Hiring
from tests.pictures import PictureServer
from tests.world import World

_JOBS, _IMAGES = 10, 4
_PATIENCE_SECONDS = 150

pytestmark = pytest.mark.usefixtures("off_duty")


@pytest.fixture
def popular() -> Iterator[PictureServer]:
    """A supplier's server that all jobs want something from."""
    with PictureServer() as server:
        yield server


def test_all_jobs_of_a_busy_host_end_ready_without_an_attempt_counted_against_them(
    world: World, pictures: PictureServer, popular: PictureServer, hire: Hiring
) -> None:
    hire(FETCH_HOST_CONCURRENCY="2", FETCH_HOST_RATE_PER_SECOND="4")
    seeds = iter(range(9000, 9000 + _JOBS * _IMAGES))
    orders = [[small(popular, next(seeds)) for _ in range(_IMAGES)] for _ in range(_JOBS)]

    waiting = [world.post(*urls)["job_id"] for urls in orders]
    other = world.finished(world.post(small(pictures, 9900))["job_id"])
    before = [world.job(job_id)["state"] for job_id in waiting]
    jobs = [world.finished(job_id, seconds=_PATIENCE_SECONDS) for job_id in waiting]
    hosts = world.call("GET", "/hosts").json()["hosts"]

    assert other["state"] == "ready"
    assert set(before) & {"queued", "running"}  # the other supplier's job overtook some of them
    assert {job["state"] for job in jobs} == {"ready"}
    assert max(job["attempts"] for job in jobs) == 1
    assert sum(popular.requests.values()) == _JOBS * _IMAGES
    told = next(host for host in hosts if popular.address.endswith(f"/{host['host']}"))
    assert (told["circuit"], told["outcomes"]) == ("closed", {"ok": _JOBS * _IMAGES})
