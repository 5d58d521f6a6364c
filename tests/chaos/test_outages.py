"""Parts of the system go away while jobs are at work, and come back: no job suffers."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic
from typing import Any

import requests

from tests.chaos.holding import step_begins
from tests.chaos.prefect_hands import LogFrom, ended, worker_log
from tests.pictures import PictureServer
from tests.waiting import eventually
from tests.world import World

_JOBS = 10
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


def assert_paused(log: LogFrom, reason: str) -> None:
    """For this reason first: a part that starts slowly may be found missing once more."""
    closings = [line for line in log.text.splitlines() if "worker pauses" in line]
    assert closings
    assert reason in closings[0], closings
    assert log.text.rindex("worker goes on") > log.text.rindex("worker pauses")


def prefect_away_for(world: World, pictures: PictureServer, seconds: float, first: int) -> None:
    log = worker_log(world)
    jobs = begin(world, pictures, range(first, first + _IN_HAND))
    with away(world, "prefect"):
        since = monotonic()
        pictures.gate.set()
        seeds = range(first + _IN_HAND, first + _JOBS)
        jobs += [world.post(pictures.photo(seed))["job_id"] for seed in seeds]
        last(seconds, since=since)
    done = all_ready(world, jobs, seconds=240)

    assert [job["attempts"] for job in done] == [1] * _JOBS
    assert_paused(log, "Prefect is away")


def test_prefect_away_for_twenty_seconds_costs_no_job_an_attempt(
    world: World, pictures: PictureServer
) -> None:
    prefect_away_for(world, pictures, 20, 5500)


def test_prefect_away_for_longer_than_its_client_is_patient_costs_no_job_an_attempt(
    world: World, pictures: PictureServer
) -> None:
    prefect_away_for(world, pictures, 180, 5520)


def test_the_object_store_away_costs_no_job_an_attempt(
    world: World, pictures: PictureServer
) -> None:
    log = worker_log(world)
    jobs = begin(world, pictures, range(5540, 5546))
    with away(world, "s3"):
        pictures.gate.set()
        step_begins(world, jobs[0], "store")
        log.wait_for("worker pauses")
        jobs.append(world.post(pictures.photo(5546))["job_id"])
    done = all_ready(world, jobs)

    assert [job["attempts"] for job in done] == [1] * len(jobs)
    assert_paused(log, "the object store is away")


def test_postgresql_away_with_jobs_in_hand_fails_no_job(
    world: World, pictures: PictureServer
) -> None:
    log = worker_log(world)
    jobs = begin(world, pictures, range(5560, 5566))
    with away(world, "postgres"):
        since = monotonic()
        pictures.gate.set()
        refused = world.call("POST", "/process-image", json={"image_url": pictures.photo(5566)})
        log.wait_for("worker pauses")
        last(10, since=since)
    done = all_ready(world, jobs)

    assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
    assert refused.headers["Retry-After"]
    assert max(job["attempts"] for job in done) <= 2  # what cannot be written is counted
    assert world.finished(world.post(pictures.photo(5567))["job_id"])["state"] == "ready"


def test_rabbitmq_restarted_with_jobs_in_hand_does_nothing_twice(
    world: World, pictures: PictureServer
) -> None:
    jobs = begin(world, pictures, range(5580, 5585))
    world.stack.part("rabbitmq").restart()
    jobs.append(world.post(pictures.photo(5585))["job_id"])
    pictures.gate.set()
    done = all_ready(world, jobs)

    assert [job["attempts"] for job in done] == [1] * len(jobs)
    assert [world.flow_run(job["flow_run_id"])["run_count"] for job in done] == [1] * len(jobs)


def answers(world: World, path: str) -> bool:
    try:
        return world.call("GET", path).ok
    except requests.ConnectionError:
        return False


def test_a_worker_and_an_api_started_before_everything_else_say_what_they_wait_for(
    world: World, pictures: PictureServer
) -> None:
    stack = world.stack
    log = worker_log(world)
    for part in ("api", "worker-1"):
        stack.part(part).stop()
    with ThreadPoolExecutor(2) as starters:
        with away(world, "prefect"):
            with away(world, "s3"), away(world, "postgres"):
                started = [starters.submit(stack.part(part).start) for part in ("api", "worker-1")]
                log.wait_for("waiting for PostgreSQL", seconds=60)
                eventually(lambda: answers(world, "/healthz"), "the API lives", seconds=60)
                readiness = world.call("GET", "/readyz")
            log.wait_for("waiting for Prefect", seconds=60)
        for each in started:
            each.result(120)

    missing = readiness.json()["dependencies"]
    assert (readiness.status_code, missing["database"]["ok"]) == (503, False)
    assert missing["database"]["detail"]
    assert "PostgreSQL answers" in log.text
    assert "Prefect answers" in log.text
    assert world.finished(world.post(pictures.photo(5590))["job_id"])["state"] == "ready"
