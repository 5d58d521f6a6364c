"""Pausing in Prefect's UI: jobs wait in RabbitMQ, where any worker may take them afterwards."""

import pytest

from tests.pictures import PictureServer
from tests.rabbit import waiting_jobs
from tests.support.prefect_hands import paused, quick_run
from tests.waiting import eventually
from tests.world import World


@pytest.mark.parametrize(
    "what",
    [
        "the deployment",
        pytest.param("the work pool", marks=pytest.mark.thorough),
        pytest.param("the work queue", marks=pytest.mark.thorough),
    ],
)
def test_jobs_posted_while_something_is_paused_wait_in_the_queue_and_are_done_afterwards(
    world: World, pictures: PictureServer, request: pytest.FixtureRequest, what: str
) -> None:
    first = 5300 + 10 * len(request.node.callspec.id)
    amqp_url = world.stack.description.amqp_url
    with paused(world, what):
        jobs = [world.post(pictures.photo(seed))["job_id"] for seed in range(first, first + 3)]
        eventually(lambda: waiting_jobs(amqp_url) == len(jobs), "all jobs wait in the queue")
        states = [world.job(job_id)["state"] for job_id in jobs]
        fetched = sum(pictures.requests.values())

    done = [world.finished(job_id) for job_id in jobs]

    assert (states, fetched) == (["queued"] * 3, 0)
    assert [(job["state"], job["attempts"]) for job in done] == [("ready", 1)] * 3


def test_a_job_at_work_when_the_pool_is_paused_is_finished(
    world: World, pictures: PictureServer
) -> None:
    url = pictures.photo(5390)
    pictures.gate.clear()
    job_id = world.post(url)["job_id"]
    eventually(lambda: pictures.requests["/photo/5390.jpg"], "the picture is being fetched")
    with paused(world, "the work pool"):
        pictures.gate.set()
        job = world.finished(job_id)

    assert (job["state"], job["attempts"]) == ("ready", 1)


@pytest.mark.thorough
def test_a_quick_run_waits_while_the_pool_is_paused(world: World, pictures: PictureServer) -> None:
    url = pictures.photo(5391)
    with paused(world, "the work pool"):
        run_id = quick_run(world, image_urls=[url])["id"]
        job_id = world.post(pictures.photo(5392))["job_id"]
        amqp_url = world.stack.description.amqp_url
        eventually(lambda: waiting_jobs(amqp_url) == 1, "the job waits in the queue")
        waits = world.flow_run(run_id)["state"]["type"]

    assert waits == "SCHEDULED"
    assert world.finished(job_id)["state"] == "ready"
    eventually(
        lambda: world.flow_run(run_id)["state"]["type"] == "COMPLETED",
        "the quick run is completed",
        seconds=60,
    )
