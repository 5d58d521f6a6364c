"""Nothing is lost and nothing is done twice, whatever happens to messages and processes."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil

from infra.broker.rabbitmq import RabbitPublisher
from infra.messages import JobMessage
from infra.settings import BrokerSettings
from tests.pictures import PictureServer, photo
from tests.rabbit import dead_letters, publish_raw
from tests.waiting import eventually
from tests.world import World

_WORKING_SECONDS = 0.05  # of CPU: more than an idle process uses, less than one picture


def publish(world: World, *bodies: JobMessage) -> None:
    """Publish as the dispatcher does."""
    publisher = RabbitPublisher(BrokerSettings(url=world.stack.description.amqp_url))
    try:
        publisher.publish(bodies)
    finally:
        publisher.close()


def test_the_same_message_five_times_gives_one_run_and_one_download(
    world: World, pictures: PictureServer
) -> None:
    url = pictures.photo(2001)
    pictures.gate.clear()  # the first delivery is still at work when the others come
    accepted = world.post(url)
    job_id = accepted["job_id"]
    eventually(lambda: pictures.requests["/photo/2001.jpg"], "the picture is being fetched")
    publish(world, *[JobMessage(job_id=job_id)] * 5)
    pictures.gate.set()

    job = world.finished(job_id)
    publish(world, JobMessage(job_id=job_id))  # and once more when all is over
    after = world.finished(world.post(pictures.photo(2002))["job_id"])  # behind it in the queue

    assert (job["state"], job["attempts"]) == ("ready", 1)
    assert after["state"] == "ready"
    assert pictures.requests["/photo/2001.jpg"] == 1
    assert [run["id"] for run in all_runs_of(world, job_id)] == [job["flow_run_id"]]
    assert world.ended_run(job)["run_count"] == 1


def all_runs_of(world: World, job_id: str) -> list[Any]:
    return [
        run
        for run in world.flow_runs(limit=200, sort="START_TIME_DESC")
        if run["parameters"].get("job_id") == job_id
    ]


def test_a_job_posted_while_rabbitmq_is_down_is_done_when_it_is_back(
    world: World, pictures: PictureServer
) -> None:
    rabbitmq = world.stack.part("rabbitmq")
    rabbitmq.stop()
    try:
        accepted = world.post(pictures.photo(2003))
        assert world.job(accepted["job_id"])["state"] == "queued"
        readiness = world.call("GET", "/readyz")
        assert readiness.status_code == 200
        assert readiness.json()["status"] == "degraded"
        assert readiness.json()["dependencies"]["broker"]["ok"] is False
    finally:
        rabbitmq.start()
    job = world.finished(accepted["job_id"])

    assert (job["state"], job["attempts"]) == ("ready", 1)


def test_an_undecodable_message_goes_to_the_dead_letter_queue_and_stops_nobody(
    world: World, pictures: PictureServer
) -> None:
    amqp_url = world.stack.description.amqp_url
    before = dead_letters(amqp_url)
    publish_raw(amqp_url, b"\xff not a job")

    eventually(lambda: dead_letters(amqp_url) == before + 1, "the message is a dead letter")
    assert world.finished(world.post(pictures.photo(2004))["job_id"])["state"] == "ready"


def test_a_killed_pixel_process_costs_its_picture_one_retry(
    world: World, pictures: PictureServer
) -> None:
    for seed in range(2100, 2106):
        pictures.bodies[f"/big/{seed}.jpg"] = photo(3000, 3000, seed=seed)
    worker = psutil.Process(world.stack.part("worker-1").pid)
    before = {child: child.cpu_times().user for child in worker.children(recursive=True)}
    accepted = world.post(*(pictures.url(path) for path in pictures.bodies))

    def busy_pixel_process() -> psutil.Process | None:
        used = {child: child.cpu_times().user - start for child, start in before.items()}
        busiest = max(used, key=lambda child: used[child])
        return busiest if used[busiest] > _WORKING_SECONDS else None

    victim = eventually(busy_pixel_process, "a pixel process works")
    os.kill(victim.pid, signal.SIGKILL)
    job = world.finished(accepted["job_id"])

    assert job["state"] == "ready"
    assert job["attempts"] == 1
    assert all(len(image["variants"]) == 8 for image in job["images"])


def test_a_worker_that_is_told_to_stop_gives_its_job_back_and_exits_cleanly(
    world: World, pictures: PictureServer
) -> None:
    url = pictures.photo(2005)
    pictures.gate.clear()
    accepted = world.post(url)
    eventually(lambda: pictures.requests["/photo/2005.jpg"], "the picture is being fetched")

    worker = world.stack.part("worker-1")
    pid = worker.pid
    worker.stop()
    pictures.gate.set()
    log = worker.log.read_text()
    assert not psutil.pid_exists(pid)
    assert "worker stopped" in log
    assert world.job(accepted["job_id"])["state"] == "queued"

    worker.start()
    job = world.finished(accepted["job_id"])
    assert (job["state"], job["attempts"]) == ("ready", 1)
    assert world.ended_run(job)["run_count"] == 2


def test_a_killed_worker_s_job_is_done_in_the_same_flow_run(
    world: World, pictures: PictureServer
) -> None:
    url = pictures.photo(2006)
    pictures.gate.clear()
    accepted = world.post(url)
    eventually(lambda: pictures.requests["/photo/2006.jpg"], "the picture is being fetched")

    world.stack.part("worker-1").kill()
    pictures.gate.set()
    job = world.finished(accepted["job_id"], seconds=90)

    assert (job["state"], job["attempts"]) == ("ready", 2)
    assert [run["id"] for run in all_runs_of(world, job["id"])] == [job["flow_run_id"]]
    assert world.ended_run(job)["run_count"] == 2


def test_the_documented_curl_line_is_accepted_and_its_job_ends(world: World) -> None:
    readme = Path(__file__).parents[2].joinpath("README.md").read_text()
    line = next(line for line in readme.splitlines() if line.startswith("curl -X POST"))
    command = line.replace("http://localhost:8080", world.api)

    answer = subprocess.run(
        ["/bin/bash", "-c", f"{command} --silent --include"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stdout
    head, _, body = answer.replace("\r", "").partition("\n\n")

    assert " 202 " in head.splitlines()[0]
    job = world.finished(json.loads(body)["job_id"], seconds=60)
    assert job["images"][0]["source_url"] == "https://example.com/image.jpg"
    assert job["state"] in ("ready", "failed")


def test_a_scheduled_sweep_really_appears_and_runs(world: World) -> None:
    def completed_sweep() -> Any:
        runs = world.flow_runs(
            flows={"name": {"any_": ["sweep"]}},
            flow_runs={"state": {"type": {"any_": ["COMPLETED"]}}},
        )
        return runs[0] if runs else None

    run = eventually(completed_sweep, "a scheduled sweep has completed", seconds=130)
    assert run["auto_scheduled"] is True
    assert run["created_by"]["type"] == "SCHEDULE"
