"""Parts of the system go away while jobs are at work, and come back: no job suffers."""

from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest
import requests

from tests.pictures import PictureServer
from tests.support.faults.holding import step_begins
from tests.support.faults.outage import (
    all_ready,
    assert_paused,
    away,
    begin,
    last,
    prefect_away_for,
)
from tests.support.prefect_hands import worker_log
from tests.waiting import eventually
from tests.world import World


def test_prefect_away_costs_no_job_an_attempt(world: World, pictures: PictureServer) -> None:
    log = worker_log(world)
    prefect_away_for(world, pictures, 8, 5500)
    assert_paused(log.text, "Prefect is away")


def test_the_object_store_away_costs_no_job_an_attempt(
    world: World, pictures: PictureServer
) -> None:
    log = worker_log(world)
    jobs = begin(world, pictures, range(5540, 5543))
    with away(world, "s3"):
        pictures.gate.set()
        step_begins(world, jobs[0], "store")
        log.wait_for("worker pauses")
        jobs.append(world.post(pictures.photo(5546))["job_id"])
        eventually(lambda: world.job(jobs[-1])["waiting_for"] == "storage", "the job says why")
    done = all_ready(world, jobs)

    assert [job["attempts"] for job in done] == [1] * len(jobs)
    assert_paused(log.text, "the object store is away")


def test_postgresql_away_with_jobs_in_hand_fails_no_job(
    world: World, pictures: PictureServer
) -> None:
    log = worker_log(world)
    jobs = begin(world, pictures, range(5560, 5563))
    with away(world, "postgres"):
        since = monotonic()
        pictures.gate.set()
        refused = world.call("POST", "/process-image", json={"image_url": pictures.photo(5566)})
        log.wait_for("worker pauses")
        last(6, since=since)
    done = all_ready(world, jobs)

    assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
    assert refused.headers["Retry-After"]
    assert max(job["attempts"] for job in done) <= 2  # what cannot be written is counted
    assert world.finished(world.post(pictures.photo(5567))["job_id"])["state"] == "ready"


def test_rabbitmq_restarted_with_jobs_in_hand_does_nothing_twice(
    world: World, pictures: PictureServer
) -> None:
    jobs = begin(world, pictures, range(5580, 5583))
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


@pytest.mark.thorough
def test_a_worker_and_an_api_started_before_database_and_store_say_what_they_wait_for(
    world: World, pictures: PictureServer
) -> None:
    stack = world.stack
    log = worker_log(world)
    for part in ("api", "worker-1"):
        stack.part(part).stop()
    with ThreadPoolExecutor(2) as starters:
        with away(world, "s3"), away(world, "postgres"):
            started = [starters.submit(stack.part(part).start) for part in ("api", "worker-1")]
            log.wait_for("waiting for PostgreSQL", seconds=60)
            eventually(lambda: answers(world, "/healthz"), "the API lives", seconds=60)
            readiness = world.call("GET", "/readyz")
        for each in started:
            each.result(120)

    missing = readiness.json()["dependencies"]
    assert (readiness.status_code, missing["database"]["ok"]) == (503, False)
    assert missing["database"]["detail"]
    assert "PostgreSQL answers" in log.text
    assert world.finished(world.post(pictures.photo(5590))["job_id"])["state"] == "ready"
