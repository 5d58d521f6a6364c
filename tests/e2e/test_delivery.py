"""Nothing is lost: messages that cannot be sent or read, the documented call, the schedule."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.pictures import PictureServer
from tests.rabbit import dead_letters, publish_raw
from tests.waiting import eventually
from tests.world import World

_SOON_SECONDS = 10


def test_a_job_posted_while_rabbitmq_is_down_is_done_when_it_is_back(
    world: World, pictures: PictureServer
) -> None:
    rabbitmq = world.stack.part("rabbitmq")
    rabbitmq.stop()
    try:
        accepted = world.post(pictures.photo(2003))
        assert world.job(accepted["job_id"])["state"] == "queued"

        def told() -> bool:
            readiness = world.call("GET", "/readyz")
            assert readiness.status_code == 200
            return readiness.json()["dependencies"]["broker"]["ok"] is False

        eventually(told, "the next look finds the broker away")
        assert world.call("GET", "/readyz").json()["status"] == "degraded"
    finally:
        rabbitmq.start()
    job = world.finished(accepted["job_id"])

    assert (job["state"], job["attempts"]) == ("ready", 1)


def test_readiness_tells_of_every_part_and_how_fast_it_answers(world: World) -> None:
    def ready() -> Any:
        told = world.call("GET", "/readyz").json()
        return told if told["status"] == "ready" else None

    parts = eventually(ready, "every part has answered")["dependencies"]
    assert set(parts) == {
        *("database", "broker", "store", "cache", "prefect", "deployments", "decoders")
    }
    for part in parts.values():
        assert (part["ok"], part["detail"]) == (True, None)
        assert part["latency_ms"] >= 0


def test_an_undecodable_message_goes_to_the_dead_letter_queue_and_stops_nobody(
    world: World, pictures: PictureServer
) -> None:
    amqp_url = world.stack.description.amqp_url
    before = dead_letters(amqp_url)
    publish_raw(amqp_url, b"\xff not a job")

    eventually(lambda: dead_letters(amqp_url) == before + 1, "the message is a dead letter")
    assert world.finished(world.post(pictures.photo(2004))["job_id"])["state"] == "ready"


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


@contextmanager
def soon_scheduled(world: World, deployment: Any) -> Iterator[None]:
    """Give a deployment one more schedule, which is due every few seconds."""
    path = f"/deployments/{deployment['id']}/schedules"
    soon = {"active": True, "schedule": {"interval": _SOON_SECONDS}}
    added = world.prefect("POST", path, [soon])
    try:
        yield
    finally:
        for schedule in added:
            world.prefect("DELETE", f"{path}/{schedule['id']}")


def test_a_scheduled_sweep_really_appears_and_runs(world: World) -> None:
    def completed_sweep() -> Any:
        runs = world.flow_runs(
            flows={"name": {"any_": ["sweep"]}},
            flow_runs={"state": {"type": {"any_": ["COMPLETED"]}}},
        )
        return next((run for run in runs if run["auto_scheduled"]), None)

    deployment = world.prefect("GET", "/deployments/name/sweep/sweep")
    assert [each["schedule"]["cron"] for each in deployment["schedules"]] == ["*/5 * * * *"]
    with soon_scheduled(world, deployment):
        run = eventually(completed_sweep, "a scheduled sweep has completed", seconds=120)
    assert run["created_by"]["type"] == "SCHEDULE"
