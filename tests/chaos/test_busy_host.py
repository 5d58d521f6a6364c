"""A supplier that may be asked only now and then, whoever asks and whatever Redis does.

Its jobs wait, and none of them fails for it.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from infra.db.engine import Database
from infra.stack.ports import free_port
from infra.stack.stack import Stack
from tests.commands import run
from tests.pictures import PictureServer
from tests.support.evidence import job_row, small
from tests.support.own_workers import Hiring, OwnWorker
from tests.waiting import eventually
from tests.world import World

_JOBS, _IMAGES = 4, 3
_PATIENCE_SECONDS = 300
_AT_A_TIME = 2
_LIMITS = {
    "FETCH_HOST_CONCURRENCY": str(_AT_A_TIME),
    "FETCH_HOST_RATE_PER_SECOND": "4",
    "FETCH_HOST_BREAKER_FAILURES": "3",  # as often as one job tries
    "FETCH_HOST_BREAKER_SECONDS": "3600",
    "FETCH_READ_TIMEOUT_SECONDS": "60",  # answers are held back here
    "FETCH_TOTAL_TIMEOUT_SECONDS": "90",
}

pytestmark = pytest.mark.usefixtures("off_duty")


@pytest.fixture(scope="module")
def worker(
    stack: Stack, off_duty: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OwnWorker]:
    """A worker that keeps narrow limits, for all tests here."""
    hiring = Hiring(stack, tmp_path_factory.mktemp("polite"))
    yield hiring(**_LIMITS)
    hiring.let_all_go()


@pytest.fixture
def popular() -> Iterator[PictureServer]:
    """A supplier's server that all jobs want something from."""
    with PictureServer() as server:
        yield server


def known(world: World, address: str) -> Any:
    """Return what is shown of the host at an address, None when nothing is."""
    hosts = world.call("GET", "/hosts").json().get("hosts", [])
    return next((host for host in hosts if address.endswith(f"/{host['host']}")), None)


def all_ready(world: World, job_ids: Sequence[str]) -> None:
    """Wait until the jobs are ready, none of them with an attempt counted against it."""
    jobs = [world.finished(job_id, seconds=_PATIENCE_SECONDS) for job_id in job_ids]
    assert {(job["state"], job["attempts"]) for job in jobs} == {("ready", 1)}


def in_line(database: Database, job_id: str) -> None:
    """Wait until the job was told to come back later."""
    eventually(lambda: job_row(database, job_id)["not_before"], "the job waits for its turn")


@pytest.mark.usefixtures("worker")
def test_all_jobs_of_a_busy_host_end_ready_without_an_attempt_counted_against_them(
    world: World, pictures: PictureServer, popular: PictureServer
) -> None:
    seeds = iter(range(9000, 9000 + _JOBS * _IMAGES))
    orders = [[small(popular, next(seeds)) for _ in range(_IMAGES)] for _ in range(_JOBS)]

    waiting = [world.post(*urls)["job_id"] for urls in orders]
    other = world.finished(world.post(small(pictures, 9900))["job_id"])
    before = [world.job(job_id)["state"] for job_id in waiting]
    all_ready(world, waiting)
    told = known(world, popular.address)

    assert other["state"] == "ready"
    assert set(before) & {"queued", "running"}  # the other supplier's job overtook some of them
    assert sum(popular.requests.values()) == _JOBS * _IMAGES
    assert popular.unanswered.most <= _AT_A_TIME
    assert (told["circuit"], told["outcomes"]) == ("closed", {"ok": _JOBS * _IMAGES})


@contextmanager
def dead(world: World, part: str) -> Iterator[None]:
    """Kill a part and keep it away for the length of the block."""
    keeper = world.stack.part(part)
    keeper.kill()
    keeper.stop()
    try:
        yield
    finally:
        keeper.start()


def read(world: World, product_id: str) -> tuple[int, str, str]:
    """Return the status, X-Cache and the product's name."""
    answer = world.call("GET", f"/products/{product_id}")
    return answer.status_code, answer.headers["X-Cache"], answer.json()["name"]


def equal_posts(world: World, url: str) -> set[tuple[int, str]]:
    """Post the same five times at once under one key; return statuses and jobs."""
    headers = {"Idempotency-Key": uuid4().hex}

    def post(_: int) -> tuple[int, str]:
        body = {"image_url": url}
        answer = world.call("POST", "/process-image", json=body, headers=headers)
        return answer.status_code, answer.json()["job_id"]

    with ThreadPoolExecutor(5) as callers:
        return set(callers.map(post, range(5)))


def fill(world: World, popular: PictureServer, seeds: Sequence[int]) -> list[str]:
    """Post jobs until the host has as many requests under way as it gets; none is answered."""
    popular.gate.clear()
    jobs = [world.post(small(popular, seed))["job_id"] for seed in seeds]
    eventually(lambda: popular.unanswered.now == _AT_A_TIME, "the host is busy")
    return jobs


def test_redis_killed_in_the_middle_of_work_costs_no_job_an_attempt_and_no_host_its_peace(
    world: World,
    database: Database,
    pictures: PictureServer,
    popular: PictureServer,
    worker: OwnWorker,
) -> None:
    product_id = world.call("POST", "/products", json={"name": "old"}).json()["id"]
    assert [read(world, product_id)[1] for _ in range(2)] == ["MISS", "HIT"]
    jobs = fill(world, popular, range(9100, 9104))
    with dead(world, "redis"):
        jobs.append(world.post(small(popular, 9104))["job_id"])
        posted = equal_posts(world, small(pictures, 9105))
        assert read(world, product_id) == (200, "MISS", "old")
        world.call("PATCH", f"/products/{product_id}", json={"name": "new"})
        assert [read(world, product_id) for _ in range(2)] == [(200, "MISS", "new")] * 2
        in_line(database, jobs[-1])  # so the worker asked itself, and said no
        assert "Redis is away" in worker.text
        popular.gate.set()
        all_ready(world, jobs)
        jobs += fill(world, popular, range(9106, 9108))

    seeds = iter(range(9110, 9200))
    eventually(lambda: asked_through_redis(world, pictures, next(seeds)), "Redis is used again")
    jobs.append(world.post(small(popular, 9108))["job_id"])
    in_line(database, jobs[-1])  # Redis came back empty, and does not know of the two
    popular.gate.set()
    all_ready(world, [*jobs, *{job_id for _, job_id in posted}])

    assert sorted(status for status, _ in posted) == [200, 202]
    assert len({job_id for _, job_id in posted}) == 1
    assert set(popular.requests.values()) == {1}
    assert popular.unanswered.most == _AT_A_TIME
    eventually(lambda: read(world, product_id) == (200, "HIT", "new"), "products are cached again")


def asked_through_redis(world: World, pictures: PictureServer, seed: int) -> bool:
    """Have a picture of another supplier fetched; whether Redis heard of that."""
    all_ready(world, [world.post(small(pictures, seed))["job_id"]])
    return known(world, pictures.address) is not None


@pytest.mark.thorough
@pytest.mark.usefixtures("worker")
def test_a_host_that_is_reset_is_asked_at_once_though_its_circuit_was_open(
    world: World, tmp_path: Path
) -> None:
    port = free_port()
    with PictureServer(port) as server:
        url = small(server, 9300)
    failed = world.finished(world.post(url)["job_id"])
    opened = known(world, server.address)["circuit"]
    with PictureServer(port) as server:
        url = small(server, 9300)
        name = server.address.removeprefix("http://")
        done = run(tmp_path, "hosts", "reset", name, API_URL=world.api)
        world.call("POST", f"/jobs/{failed['id']}/retry")
        job = world.finished(failed["id"])

        assert (failed["state"], opened) == ("failed", "open")
        assert done.status == 0, done.err
        assert f"{name} is asked again." in done.out
        assert (job["state"], sum(server.requests.values())) == ("ready", 1)
    assert known(world, server.address)["circuit"] == "closed"
