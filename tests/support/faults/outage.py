"""A part of the system goes away with jobs in hand, and comes back: what the tests of it share."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any

from tests.pictures import PictureServer
from tests.support.prefect_hands import ended
from tests.waiting import eventually
from tests.world import World

_JOBS = 5
_IN_HAND = 3
_REAPED_SECONDS = 120.0


@contextmanager
def away(world: World, part: str) -> Iterator[None]:
    """Stop a part for the length of the block."""
    keeper = world.stack.part(part)
    keeper.stop()
    try:
        yield
    finally:
        keeper.start()


def last(seconds: float, *, since: float) -> None:
    """Let an outage last that long."""
    eventually(lambda: monotonic() - since >= seconds, "enough time", seconds=seconds + 1)


def begin(world: World, pictures: PictureServer, seeds: Sequence[int]) -> list[str]:
    """Post a job for each picture; return their ids when all are being fetched."""
    urls = [pictures.photo(seed) for seed in seeds]
    pictures.gate.clear()
    jobs = [world.post(url)["job_id"] for url in urls]
    eventually(lambda: len(pictures.requests) == len(seeds), "all pictures are being fetched")
    return jobs


def all_ready(world: World, job_ids: Sequence[str], *, seconds: float = 180) -> list[Any]:
    """Return the jobs when all are final, and their runs completed."""
    jobs = [world.finished(job_id, seconds=seconds, every_seconds=0.2) for job_id in job_ids]
    assert [job["state"] for job in jobs] == ["ready"] * len(jobs)
    runs = [ended(world, job["flow_run_id"], seconds=_REAPED_SECONDS) for job in jobs]
    assert [run["state"]["type"] for run in runs] == ["COMPLETED"] * len(jobs)
    return jobs


def assert_paused(log: str, reason: str) -> None:
    """For this reason first: a part that starts slowly may be found missing once more."""
    closings = [line for line in log.splitlines() if "worker pauses" in line]
    assert closings
    assert reason in closings[0], closings
    assert log.rindex("worker goes on") > log.rindex("worker pauses")


def prefect_away_for(world: World, pictures: PictureServer, seconds: float, first: int) -> None:
    """Take Prefect away while some jobs are being fetched and others are posted."""
    jobs = begin(world, pictures, range(first, first + _IN_HAND))
    with away(world, "prefect"):
        since = monotonic()
        pictures.gate.set()
        seeds = range(first + _IN_HAND, first + _JOBS)
        jobs += [world.post(pictures.photo(seed))["job_id"] for seed in seeds]
        last(seconds, since=since)
    done = all_ready(world, jobs)
    assert [job["attempts"] for job in done] == [1] * _JOBS
