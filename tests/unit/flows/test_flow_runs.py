"""A job's flow run: named and tagged for people, created once, closed as the job ended."""

import asyncio
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from prefect import State
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelled, Completed, Pending, Running

from flows.flow_runs import DEPLOYMENT, FlowRuns
from infra.states import JobState, Lane
from tests.unit.flows.claims import JOB_ID, claim_of

DEPLOYMENT_ID = uuid4()
FINAL = {
    JobState.READY: ("COMPLETED", "Completed"),
    JobState.PARTIAL: ("COMPLETED", "Partial"),
    JobState.FAILED: ("FAILED", "Failed"),
    JobState.CANCELLED: ("CANCELLED", "Cancelled"),
}


class Server:
    """The calls of Prefect's client that are made, remembered."""

    def __init__(self, state: State[Any] | None = None) -> None:
        self.state = state
        self.looked_up: list[str] = []
        self.created: list[dict[str, Any]] = []
        self.set: list[tuple[State[Any], bool]] = []

    async def read_deployment_by_name(self, name: str) -> FlowRun:
        self.looked_up.append(name)
        return FlowRun.model_construct(id=DEPLOYMENT_ID)

    async def create_flow_run_from_deployment(
        self, deployment_id: UUID, **arguments: Any
    ) -> dict[str, Any]:
        self.created.append({"deployment_id": deployment_id, **arguments})
        return self.created[-1]

    async def read_flow_run(self, flow_run_id: UUID) -> FlowRun:
        return FlowRun.model_construct(id=flow_run_id, state=self.state)

    async def set_flow_run_state(self, _id: UUID, state: State[Any], *, force: bool) -> None:
        self.set.append((state, force))


def runs_on(server: Server) -> FlowRuns:
    return FlowRuns(cast(PrefectClient, server))


def created(images: int, sku: str | None = None, lane: Lane = Lane.INTERACTIVE) -> dict[str, Any]:
    server = Server()
    asyncio.run(_create(runs_on(server), images, sku=sku, lane=lane))
    return server.created[0]


async def _create(runs: FlowRuns, images: int, *, sku: str | None, lane: Lane) -> None:
    await runs.for_job(claim_of(images, sku=sku, lane=lane))


@pytest.mark.parametrize(
    ("images", "sku", "name"),
    [
        (1, "SHOE-42", "SHOE-42 · 1 image"),
        (3, "SHOE-42", "SHOE-42 · 3 images"),
        (1, None, "product 0000000000ff · 1 image"),
    ],
)
def test_a_run_is_named_for_its_product(images: int, sku: str | None, name: str) -> None:
    assert created(images, sku)["name"] == name


def test_a_run_is_tagged_with_its_lane_and_sku() -> None:
    assert created(1, "SHOE-42")["tags"] == ["lane:interactive", "sku:SHOE-42"]
    assert created(1, None, Lane.BULK)["tags"] == ["lane:bulk"]


def test_a_long_sku_is_cut_in_the_tag() -> None:
    (_, tag) = created(1, "x" * 200)["tags"]

    assert tag == "sku:" + "x" * 96


def test_a_run_belongs_to_its_job_and_waits_where_no_poller_takes_it() -> None:
    run = created(1)

    assert run["deployment_id"] == DEPLOYMENT_ID
    assert run["idempotency_key"] == str(JOB_ID)
    assert run["parameters"] == {"job_id": str(JOB_ID)}
    assert run["state"].type == Pending().type


def test_the_deployment_is_looked_up_once() -> None:
    server = Server()

    async def twice() -> None:
        runs = runs_on(server)
        await runs.for_job(claim_of(1))
        await runs.for_job(claim_of(1))

    asyncio.run(twice())
    assert server.looked_up == [DEPLOYMENT]
    assert len(server.created) == 2


@pytest.mark.parametrize("job_state", FINAL)
def test_a_run_is_closed_as_its_job_ended(job_state: JobState) -> None:
    server = Server(Running())

    asyncio.run(runs_on(server).close(uuid4(), job_state))

    ((state, forced),) = server.set
    assert (state.type.value, state.name) == FINAL[job_state]
    assert forced is True


@pytest.mark.parametrize("final", [Completed(), Cancelled()])
def test_a_run_that_has_ended_is_left_alone(final: State[Any]) -> None:
    server = Server(final)

    asyncio.run(runs_on(server).close(uuid4(), JobState.FAILED))

    assert server.set == []


def test_every_final_state_of_a_job_has_one_of_a_run() -> None:
    assert {state for state in JobState if state.is_final} == set(FINAL)
