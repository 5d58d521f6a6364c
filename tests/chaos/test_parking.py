"""A supplier asks to come back later: the job waits without holding anything."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infra.stack.stack import Stack
from tests.pictures import PictureServer
from tests.support.evidence import one_run, small
from tests.support.own_workers import Hiring
from tests.support.prefect_hands import cancel, ended
from tests.waiting import eventually
from tests.world import World

_LATER = {"Retry-After": "16"}  # a second more than what is waited for within a run
_MUCH_LATER = {"Retry-After": "600"}

Cancel = Callable[[World, Any], None]


@pytest.fixture(scope="module", autouse=True)
def _worker(
    stack: Stack, off_duty: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """A worker that holds one job at a time, for all tests here."""
    hiring = Hiring(stack, tmp_path_factory.mktemp("parking"))
    hiring(WORKER_SLOTS="1")
    yield
    hiring.let_all_go()


@pytest.fixture
def refusing() -> Iterator[PictureServer]:
    """A supplier's server that asks for patience."""
    with PictureServer() as server:
        yield server


def parked(world: World, job_id: str) -> Any:
    """Return the job when its run shows that it waits."""

    def look() -> Any:
        job = world.job(job_id)
        run = world.flow_run(job["flow_run_id"]) if job["flow_run_id"] else None
        is_parked = run is not None and run["state"]["name"] == "Parked"
        return job if is_parked and job["state"] == "queued" else None

    return eventually(look, "the job is parked")


def in_prefect(world: World, job: Any) -> None:
    """Press Cancel on the run's page."""
    cancel(world, job["flow_run_id"])


def through_the_api(world: World, job: Any) -> None:
    """Ask our own API."""
    assert world.call("POST", f"/jobs/{job['id']}/cancel").json()["state"] == "cancelled"


def test_a_job_whose_supplier_asks_for_patience_holds_nothing_and_goes_on_in_the_same_run(
    world: World, pictures: PictureServer, refusing: PictureServer
) -> None:
    # A server that asks for patience gets it for all its pictures: the others are elsewhere.
    urls = [small(pictures, 6500), small(refusing, 6501)]
    refusing.refusals["/small/6501.jpg"] = (429, _LATER)
    waiting = parked(world, world.post(*urls)["job_id"])
    other = world.finished(world.post(small(pictures, 6502))["job_id"])
    run = world.flow_run(waiting["flow_run_id"])

    assert [image["state"] for image in waiting["images"]] == ["ready", "queued"]
    assert (other["state"], world.job(waiting["id"])["state"]) == ("ready", "queued")
    assert (run["state"]["type"], run["state"]["name"]) == ("SCHEDULED", "Parked")
    assert refusing.requests["/small/6501.jpg"] == 1

    del refusing.refusals["/small/6501.jpg"]
    job = world.finished(waiting["id"])
    assert (job["state"], job["attempts"]) == ("ready", 2)
    assert pictures.requests["/small/6500.jpg"] == 1
    assert refusing.requests["/small/6501.jpg"] == 2
    assert one_run(world, job)["run_count"] == 2


# The API does not speak to Prefect: a worker shows it there, soon afterwards.
@pytest.mark.parametrize(
    "cancel_it", [through_the_api, pytest.param(in_prefect, marks=pytest.mark.thorough)]
)
def test_a_parked_job_that_is_cancelled_ends_at_once_and_its_run_shows_it(
    cancel_it: Cancel,
    world: World,
    pictures: PictureServer,
    refusing: PictureServer,
) -> None:
    seed = 6520 if cancel_it is in_prefect else 6530
    urls = [small(pictures, seed), small(refusing, seed + 1)]
    refusing.refusals[f"/small/{seed + 1}.jpg"] = (429, _MUCH_LATER)
    waiting = parked(world, world.post(*urls)["job_id"])

    cancel_it(world, waiting)
    job = world.finished(waiting["id"])
    run = ended(world, job["flow_run_id"])

    assert job["state"] == "cancelled"
    assert [image["state"] for image in job["images"]] == ["ready", "failed"]
    assert job["images"][1]["error"]["code"] == "cancelled"
    assert run["state"]["type"] == "CANCELLED"
    assert one_run(world, job, state="CANCELLED")["run_count"] == 1
