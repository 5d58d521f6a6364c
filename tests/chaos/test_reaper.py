"""Nothing shows Running for ever: what nobody works on is closed, and jobs are done again."""

from typing import Any

from tests.pictures import PictureServer
from tests.support.evidence import REAPED_SECONDS, small, tasks_ended
from tests.support.prefect_hands import ended, quick_run
from tests.waiting import eventually
from tests.world import World

_SWEEP = "/deployments/name/sweep/sweep"
_TWICE = 2


def run_of_nobody(world: World) -> Any:
    """Create a run that a worker seems to work on which does not exist."""
    sweep = world.prefect("GET", _SWEEP)
    body = {"state": {"type": "RUNNING", "name": "Running"}}
    run = world.prefect("POST", f"/deployments/{sweep['id']}/create_flow_run", body)
    gone = {"infrastructure_pid": "nowhere-1-00000000"}
    world.prefect("PATCH", f"/flow_runs/{run['id']}", gone)
    return run


def task_of_nobody(world: World, flow_run_id: str) -> Any:
    """Create a task run that is Running though its flow run has ended."""
    body = {
        "flow_run_id": flow_run_id,
        "task_key": "forgotten",
        "dynamic_key": "0",
        "state": {"type": "RUNNING", "name": "Running"},
    }
    return world.prefect("POST", "/task_runs/", body)


def completed(world: World, flow_run_id: str) -> Any:
    """Return a run when it is completed, which may have looked crashed until it was done again."""

    def look() -> Any:
        run = world.flow_run(flow_run_id)
        return run if run["state"]["type"] == "COMPLETED" else None

    return eventually(look, f"run {flow_run_id} is completed", seconds=REAPED_SECONDS)


def test_what_a_killed_worker_left_running_is_closed_or_done_again_within_two_minutes(
    world: World, pictures: PictureServer
) -> None:
    done = world.ended_run(world.finished(world.post(small(pictures, 6600))["job_id"]))
    url = pictures.photo(6601)
    pictures.gate.clear()
    quick = quick_run(world, image_urls=[url])  # no message of RabbitMQ brings it back
    eventually(lambda: pictures.requests["/photo/6601.jpg"], "the picture is being fetched")
    world.stack.part("worker-1").kill()  # and its supervisor starts it again
    pictures.gate.set()
    ghost = run_of_nobody(world)
    forgotten = task_of_nobody(world, done["id"])
    left = [world.flow_run(run["id"])["state"]["type"] for run in (quick, ghost)]
    assert left == ["RUNNING", "RUNNING"]

    run = completed(world, quick["id"])
    closed = ended(world, ghost["id"], seconds=REAPED_SECONDS)
    for each in (run, closed, done):
        tasks_ended(world, each["id"])

    assert run["run_count"] == _TWICE
    assert closed["state"]["type"] == "CRASHED"
    assert world.prefect("GET", f"/task_runs/{forgotten['id']}")["state"]["type"] == "CRASHED"
    assert ended(world, done["id"])["state"]["type"] == "COMPLETED"
