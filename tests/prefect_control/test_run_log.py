"""What a run's page says of its job: one clear line for each thing, and the whole job's count."""

from typing import Any

from tests.pictures import PictureServer, photo
from tests.support.prefect_hands import ended, retry
from tests.waiting import eventually
from tests.world import World


def lines_of(world: World, flow_run_id: str, last: str) -> list[str]:
    """Return the messages in a run's log when the last one has come."""
    wanted = {"logs": {"flow_run_id": {"any_": [flow_run_id]}}, "sort": "TIMESTAMP_ASC"}

    def look() -> list[str] | None:
        found: list[Any] = world.prefect("POST", "/logs/filter", wanted)
        lines = [str(line["message"]) for line in found]
        return lines if any(last in line for line in lines) else None

    found: list[str] = eventually(look, f"{last!r} is in the log")
    return found


def test_each_failure_is_told_in_one_line(world: World, pictures: PictureServer) -> None:
    job = world.finished(world.post(pictures.url("/run-log-gone.jpg"))["job_id"])
    run = world.ended_run(job)
    lines = lines_of(world, run["id"], "Finished in state Failed")

    assert (run["state"]["type"], run["state"]["message"]) == (
        "FAILED",
        "0 of 1 images are ready.",
    )
    assert sum("http_404" in line for line in lines) == 1
    assert not any("NoneType" in line for line in lines)


def test_the_end_of_a_run_counts_the_whole_job_and_is_green_only_when_it_made_something(
    world: World, pictures: PictureServer
) -> None:
    late, gone = pictures.url("/run-log-late.jpg"), pictures.url("/run-log-never.jpg")
    job = world.finished(world.post(pictures.photo(5500), late, gone)["job_id"])
    first = world.ended_run(job)
    world.call("POST", f"/jobs/{job['id']}/retry")
    second = world.ended_run(world.finished(job["id"]))
    pictures.bodies["/run-log-late.jpg"] = photo(seed=5501)
    retry(world, second["id"])
    third = eventually(
        lambda: (run := world.flow_run(second["id"]))["state"]["type"] == "COMPLETED" and run,
        "the retried run makes an image",
        seconds=60,
    )

    told = [
        (run["state"]["type"], run["state"]["name"], run["state"]["message"])
        for run in (first, second, third)
    ]
    assert told == [
        ("COMPLETED", "Partial", "1 of 3 images are ready."),
        ("FAILED", "NothingMade", "This run made no image; 1 of 3 images are ready."),
        ("COMPLETED", "Partial", "2 of 3 images are ready."),
    ]


def test_a_wanted_cancel_is_told_without_a_crash(world: World, pictures: PictureServer) -> None:
    url = pictures.photo(5510)
    pictures.gate.clear()
    job_id = world.post(url)["job_id"]
    eventually(lambda: pictures.requests["/photo/5510.jpg"], "the picture is being fetched")
    world.call("POST", f"/jobs/{job_id}/cancel")
    job = world.finished(job_id)
    pictures.gate.set()
    run = ended(world, job["flow_run_id"])
    lines = lines_of(world, run["id"], "Finished in state Cancelled")

    assert run["state"]["type"] == "CANCELLED"
    assert not any("rash" in line for line in lines)
    assert sum("on request" in line for line in lines) == 1
