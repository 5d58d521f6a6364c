"""Two workers at the same queue: each job is done by one of them, even if one dies."""

from collections.abc import Iterator
from hashlib import sha256

import pytest

from infra.contract.messages import JobMessage
from infra.db.engine import Database
from infra.stack.stack import Stack
from tests.pictures import PictureServer
from tests.rabbit import consumers
from tests.support.evidence import (
    REAPED_SECONDS,
    one_run,
    one_set_of_variants,
    publish,
    runs_of,
    small,
)
from tests.support.own_workers import Hiring, OwnWorker
from tests.support.prefect_hands import ended, worker_log
from tests.waiting import eventually
from tests.world import World

_JOBS = 10
_DONE = "job recorded"


@pytest.fixture(scope="module")
def second(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnWorker]:
    """The worker beside the stack's own; the last test kills it."""
    hiring = Hiring(stack, tmp_path_factory.mktemp("second"))
    yield hiring()
    hiring.let_all_go()


def two_take_jobs(world: World) -> None:
    """Wait until both workers are connected to RabbitMQ."""
    amqp_url = world.stack.description.amqp_url
    eventually(lambda: consumers(amqp_url) == 2, "both workers take jobs")


def test_the_same_message_five_times_to_two_workers_gives_one_run_and_one_download(
    world: World, pictures: PictureServer, database: Database, second: OwnWorker
) -> None:
    url = pictures.photo(2001)
    first = worker_log(world)
    two_take_jobs(world)
    pictures.gate.clear()  # the first delivery is still at work when the others come
    job_id = world.post(url)["job_id"]
    eventually(lambda: pictures.requests["/photo/2001.jpg"], "the picture is being fetched")
    publish(world, *[JobMessage(job_id=job_id)] * 5)

    def both_declined() -> bool:
        return all("nothing to do" in text and job_id in text for text in (first.text, second.text))

    eventually(both_declined, "both workers were asked")
    pictures.gate.set()
    job = world.finished(job_id)
    publish(world, *[JobMessage(job_id=job_id)] * 2)  # and once more when all is over
    after = world.finished(world.post(pictures.photo(2002))["job_id"])  # behind it in the queue

    assert (job["state"], job["attempts"]) == ("ready", 1)
    assert after["state"] == "ready"
    assert pictures.requests["/photo/2001.jpg"] == 1
    assert one_run(world, job)["run_count"] == 1
    one_set_of_variants(world, database, sha256(pictures.bodies["/photo/2001.jpg"]).hexdigest())


@pytest.mark.thorough
def test_one_of_two_workers_killed_with_jobs_on_their_way_costs_no_job(
    world: World, pictures: PictureServer, database: Database, second: OwnWorker
) -> None:
    urls = [small(pictures, seed) for seed in range(6300, 6300 + _JOBS)]
    before = second.text.count(_DONE)
    two_take_jobs(world)
    jobs = [world.post(url)["job_id"] for url in urls]
    eventually(lambda: second.text.count(_DONE) >= before + 2, "it has done some")
    second.kill()
    done = [world.finished(job_id, seconds=180) for job_id in jobs]

    assert [job["state"] for job in done] == ["ready"] * _JOBS
    assert {job["attempts"] for job in done} <= {1, 2}
    assert runs_of(world, jobs) == {job["id"]: [job["flow_run_id"]] for job in done}
    for job in done:
        run = ended(world, job["flow_run_id"], seconds=REAPED_SECONDS)
        assert run["state"]["type"] == "COMPLETED"
    for job, body in zip(done, pictures.bodies.values(), strict=True):
        assert job["images"][0]["variants"]
        one_set_of_variants(world, database, sha256(body).hexdigest())
