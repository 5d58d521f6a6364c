"""Cancelling a job at each step of its flow, in Prefect's UI and through the API."""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from time import sleep
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from infra.broker.rabbitmq import RabbitPublisher
from infra.contract.messages import JobMessage
from infra.db.engine import Database
from infra.db.models.catalogue import Product
from infra.settings.sections import BrokerSettings
from tests.pictures import PictureServer, photo
from tests.support.faults.holding import frozen, step_begins
from tests.support.pixel_work import PixelWork
from tests.support.prefect_hands import cancel, ended, states_of, task_runs
from tests.support.stored import stored_keys
from tests.waiting import eventually
from tests.world import FINAL_RUN, World

_SECONDS = 30.0  # a busy machine takes seconds where a quiet one needs two
_RECORD_AND_CANCEL = 2

Cancel = Callable[[World, Any], None]


def in_prefect(world: World, job: Any) -> None:
    """Press Cancel on the run's page."""
    cancel(world, world.job(job["job_id"])["flow_run_id"])


def through_the_api(world: World, job: Any) -> None:
    """Ask our own API."""
    response = world.call("POST", f"/jobs/{job['job_id']}/cancel")
    assert response.status_code in (200, 202), response.text


def cancelled(world: World, accepted: Any) -> Any:
    """Return the job when it and its run are cancelled, which is soon and never looks crashed."""
    job = world.finished(accepted["job_id"], seconds=_SECONDS)
    assert job["state"] == "cancelled"
    run = ended(world, job["flow_run_id"], seconds=_SECONDS)
    assert (run["state"]["type"], run["state"]["name"]) == ("CANCELLED", "Cancelled")
    assert "CRASHED" not in states_of(world, run["id"])
    eventually(lambda: all_tasks_ended(world, run["id"]), "no task run is left open", seconds=60)
    return job


def all_tasks_ended(world: World, flow_run_id: str) -> bool:
    states = [task["state"]["type"] for task in task_runs(world, flow_run_id)]
    return all(state in FINAL_RUN for state in states)


def assert_cancelled(image: Any) -> None:
    assert image["state"] == "failed"
    assert (image["error"]["code"], image["error"]["retryable"]) == ("cancelled", True)


@pytest.mark.parametrize("milliseconds", [0, pytest.param(40, marks=pytest.mark.thorough)])
def test_a_run_cancelled_in_prefect_while_it_begins_ends_its_job(
    world: World, pictures: PictureServer, milliseconds: int
) -> None:
    sku = f"CANCEL-EARLY-{milliseconds}"
    pictures.gate.clear()
    accepted = world.post(pictures.photo(5100), sku=sku)

    def run_of_job() -> Any:
        runs = world.flow_runs(flow_runs={"tags": {"all_": [f"sku:{sku}"]}})
        return runs[0]["id"] if runs else None

    run_id = eventually(run_of_job, "the run exists", every_seconds=0.005)
    sleep(milliseconds / 1000)
    cancel(world, run_id)
    job = cancelled(world, accepted)
    pictures.gate.set()

    assert_cancelled(job["images"][0])


@pytest.mark.parametrize(
    "cancel_it", [in_prefect, pytest.param(through_the_api, marks=pytest.mark.thorough)]
)
def test_a_job_cancelled_while_it_fetches_ends_at_once(
    world: World, pictures: PictureServer, cancel_it: Cancel
) -> None:
    url = pictures.photo(5110)
    pictures.gate.clear()
    accepted = world.post(url)
    eventually(lambda: pictures.requests["/photo/5110.jpg"], "the picture is being fetched")

    cancel_it(world, accepted)
    job = cancelled(world, accepted)

    assert_cancelled(job["images"][0])
    assert job["attempts"] == 1


def test_cancelling_while_it_compresses_kills_the_pixel_process_and_keeps_what_is_ready(
    world: World, pictures: PictureServer
) -> None:
    sku = "CANCEL-COMPRESS"
    ready = world.finished(world.post(pictures.photo(5120), sku=sku)["job_id"])
    pictures.bodies["/huge.jpg"] = photo(6000, 6000, seed=5121)
    work = PixelWork(world.stack.part("worker-1").pid)
    accepted = world.post(pictures.photo(5120), pictures.url("/huge.jpg"), sku=sku)
    working = work.wait()
    working.suspend()  # else it may be done before Prefect has told of the cancel
    in_prefect(world, accepted)
    job = cancelled(world, accepted)
    eventually(lambda: not working.is_running(), "the pixel process is gone", seconds=_SECONDS)

    kept, lost = job["images"]
    assert (kept["state"], kept["outcome"]) == ("ready", "unchanged")
    assert kept["variants"] == ready["images"][0]["variants"]
    assert_cancelled(lost)


def test_a_job_cancelled_while_the_store_does_not_answer_ends_at_once_and_can_be_retried(
    world: World, pictures: PictureServer
) -> None:
    seed = 5130
    url = pictures.photo(seed)
    before = stored_keys(world.stack.description)
    with frozen(world, "s3"):
        accepted = world.post(url)
        step_begins(world, accepted["job_id"], "store")
        through_the_api(world, accepted)
        job = cancelled(world, accepted)
    assert_cancelled(job["images"][0])
    written = stored_keys(world.stack.description) - before
    sha256 = hashlib.sha256(pictures.bodies[f"/photo/{seed}.jpg"]).hexdigest()
    assert all(key.startswith((f"originals/{sha256}.", f"variants/{sha256}/")) for key in written)

    response = world.call("POST", f"/jobs/{job['id']}/retry")
    assert response.status_code == 202, response.text
    again = world.finished(job["id"])
    assert again["state"] == "ready"
    assert again["flow_run_id"] != job["flow_run_id"]


@contextmanager
def locked_product(database: Database, product_id: str) -> Iterator[None]:
    """Hold the product's row, so that the job cannot be recorded."""
    with database.transaction() as session:
        row = select(Product.id).where(Product.id == UUID(product_id)).with_for_update()
        session.execute(row).one()
        yield


def waiting_for_locks(database: Database) -> int:
    """Count the sessions that wait for somebody else's lock."""
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    with database.transaction() as session:
        return int(session.execute(waiting).scalar_one())


def _try(cancel_it: Cancel, world: World, accepted: Any) -> None:
    with suppress(AssertionError):  # 409: the job is ready by then
        cancel_it(world, accepted)


@pytest.mark.parametrize(
    "cancel_it", [through_the_api, pytest.param(in_prefect, marks=pytest.mark.thorough)]
)
def test_a_cancellation_that_comes_too_late_leaves_the_job_ready_and_the_run_completed(
    world: World, pictures: PictureServer, database: Database, cancel_it: Cancel
) -> None:
    url = pictures.photo(5140)
    pictures.gate.clear()
    accepted = world.post(url)
    eventually(lambda: pictures.requests["/photo/5140.jpg"], "the picture is being fetched")
    with ThreadPoolExecutor(1) as caller:
        with locked_product(database, accepted["product_id"]):
            pictures.gate.set()
            step_begins(world, accepted["job_id"], "record")
            calling = caller.submit(_try, cancel_it, world, accepted)
            eventually(lambda: waiting_for_locks(database) >= _RECORD_AND_CANCEL, "both wait")
        calling.result(30)
    job = world.finished(accepted["job_id"])
    run = eventually(
        lambda: (
            (seen := world.flow_run(job["flow_run_id"]))["state"]["type"] == "COMPLETED" and seen
        ),
        "the run is completed",
    )

    assert (job["state"], run["run_count"]) == ("ready", 1)
    eventually(lambda: all_tasks_ended(world, run["id"]), "no task run is left open")


def publish_again(world: World, job_id: str) -> None:
    publisher = RabbitPublisher(BrokerSettings(url=world.stack.description.amqp_url))
    try:
        publisher.publish([JobMessage(job_id=UUID(job_id))])
    finally:
        publisher.close()


def test_a_cancelled_job_is_not_revived_when_its_message_comes_again(
    world: World, pictures: PictureServer
) -> None:
    seed = 5160
    url = pictures.photo(seed)
    pictures.gate.clear()
    accepted = world.post(url)
    eventually(lambda: pictures.requests[f"/photo/{seed}.jpg"], "the picture is being fetched")
    in_prefect(world, accepted)
    job = cancelled(world, accepted)
    pictures.gate.set()

    publish_again(world, job["id"])
    behind = world.finished(world.post(pictures.photo(5150))["job_id"])

    assert behind["state"] == "ready"
    assert world.job(job["id"]) == job
    assert world.flow_run(job["flow_run_id"])["state"]["type"] == "CANCELLED"
    assert pictures.requests[f"/photo/{seed}.jpg"] == 1


@pytest.mark.thorough
def test_a_job_cancelled_while_it_is_queued_is_final_at_once_and_never_fetched(
    world: World, pictures: PictureServer
) -> None:
    worker = world.stack.part("worker-1")
    worker.stop()
    try:
        accepted = world.post(pictures.photo(5170))
        through_the_api(world, accepted)
        job = world.job(accepted["job_id"])
    finally:
        worker.start()
    behind = world.finished(world.post(pictures.photo(5171))["job_id"])

    assert (job["state"], job["attempts"], job["flow_run_id"]) == ("cancelled", 0, None)
    assert_cancelled(job["images"][0])
    assert behind["state"] == "ready"
    assert world.job(job["id"]) == job
    assert pictures.requests["/photo/5170.jpg"] == 0


@pytest.mark.thorough
def test_a_completed_run_that_somebody_cancels_shows_completed_again(
    world: World, pictures: PictureServer
) -> None:
    job = world.finished(world.post(pictures.photo(5180))["job_id"])
    world.ended_run(job)

    cancel(world, job["flow_run_id"])
    run = ended(world, job["flow_run_id"], seconds=_SECONDS)

    assert run["state"]["type"] == "COMPLETED"
    assert world.job(job["id"]) == job
