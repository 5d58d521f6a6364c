"""Prefect's server as its client shows it: runs, and a deployment with its pool and queue.

Plays the calls that the project makes, and remembers what was asked of it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
from prefect import State
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, TaskRun, WorkPool, WorkQueue
from prefect.client.schemas.responses import (
    DeploymentResponse,
    OrchestrationResult,
    SetStateStatus,
)
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.states import Pending

from flows.runs.flow_run_client import FlowRunClient
from flows.runs.labels import CHUNK_DEPLOYMENT

POOL = "product-images"
CREATED_AT = datetime(2026, 1, 1, tzinfo=UTC)


def run_in(state: State[Any] | None, *, run_count: int = 0, **parameters: Any) -> FlowRun:
    """Return a flow run as the server would describe it."""
    return FlowRun.model_construct(
        id=uuid4(),
        state=state,
        parameters=parameters,
        run_count=run_count,
        created=CREATED_AT,
        deployment_id=None,
    )


def not_found() -> ObjectNotFound:
    """Return what the client raises for something that somebody deleted."""
    return ObjectNotFound(RuntimeError("404"))


def _deployment() -> DeploymentResponse:
    return DeploymentResponse.model_construct(
        id=uuid4(),
        work_queue_id=uuid4(),
        concurrency_limit=None,
        global_concurrency_limit=None,
        paused=False,
    )


class Server:
    """Knows these runs.

    `answer` is what it says to an unforced change of a state; `refusals` are raised by the next
    changes, one each; `failure` is raised by every call.
    """

    def __init__(self, *runs: FlowRun) -> None:
        self.runs = {run.id: run for run in runs}
        self.task_runs: list[TaskRun] = []
        self.states: list[State[Any]] = []
        self.deployment = _deployment()
        self.chunk_deployment = _deployment()
        self.pool = WorkPool.model_construct(is_paused=False, concurrency_limit=None)
        self.queue = WorkQueue.model_construct(is_paused=False, concurrency_limit=None)
        self.answer = SetStateStatus.ACCEPT
        self.failure: Exception | None = None
        self.refusals: list[Exception] = []
        self.looked_up: list[str] = []
        self.created: list[dict[str, Any]] = []
        self.set: list[tuple[UUID, State[Any], bool]] = []
        self.set_tasks: list[tuple[UUID, State[Any]]] = []
        self.dressed: list[tuple[UUID, dict[str, Any]]] = []
        self._by_key: dict[str, FlowRun] = {}

    @property
    def client(self) -> PrefectClient:
        """Itself, in the place of Prefect's client."""
        return cast(PrefectClient, self)

    @property
    def flow_runs(self) -> FlowRunClient:
        """The project's view of it."""
        return FlowRunClient(self.client, POOL)

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure

    async def read_deployment_by_name(self, name: str) -> DeploymentResponse:
        self._fail()
        self.looked_up.append(name)
        return self.chunk_deployment if name == CHUNK_DEPLOYMENT else self.deployment

    async def read_work_pool(self, name: str) -> WorkPool:
        self.looked_up.append(name)
        return self.pool

    async def read_work_queue(self, queue_id: UUID) -> WorkQueue:
        assert queue_id == self.deployment.work_queue_id
        return self.queue

    async def create_flow_run_from_deployment(
        self, deployment_id: UUID, *, idempotency_key: str, **arguments: Any
    ) -> FlowRun:
        self._fail()
        if deployment_id != self.deployment.id:  # this call of the client maps no status
            answer = httpx.Response(404, request=httpx.Request("POST", "http://prefect.example"))
            raise PrefectHTTPStatusError("404", request=answer.request, response=answer)
        arguments["idempotency_key"] = idempotency_key
        self.created.append({"deployment_id": deployment_id, **arguments})
        run = self._by_key.setdefault(
            idempotency_key, run_in(arguments.get("state", Pending()), **arguments["parameters"])
        )
        self.runs[run.id] = run
        return run

    async def read_flow_run(self, flow_run_id: UUID) -> FlowRun:
        self._fail()
        if flow_run_id not in self.runs:
            raise not_found()
        return self.runs[flow_run_id]

    async def read_flow_run_states(self, flow_run_id: UUID) -> Sequence[State[Any]]:
        return self.states

    async def read_deployments(self, **filters: Any) -> list[DeploymentResponse]:
        return [self.deployment]

    async def read_flow_runs(self, *, flow_run_filter: FlowRunFilter) -> list[FlowRun]:
        """Return the runs in the states asked for; all belong to our deployments."""
        asked = flow_run_filter.model_dump(exclude_none=True)
        assert asked["deployment_id"]["any_"] == [self.deployment.id]
        wanted = asked["state"]["type"]["any_"]
        return [run for run in self.runs.values() if run.state and run.state.type in wanted]

    async def update_flow_run(self, flow_run_id: UUID, **changes: Any) -> None:
        self.dressed.append((flow_run_id, changes))

    async def set_flow_run_state(
        self, flow_run_id: UUID, state: State[Any], *, force: bool = False
    ) -> OrchestrationResult[Any]:
        self._fail()
        if self.refusals:
            raise self.refusals.pop(0)
        self.set.append((flow_run_id, state, force))
        return OrchestrationResult.model_construct(
            status=SetStateStatus.ACCEPT if force else self.answer, state=state
        )

    async def read_task_runs(self, **filters: Any) -> list[TaskRun]:
        return self.task_runs

    async def set_task_run_state(
        self, task_run_id: UUID, state: State[Any], *, force: bool
    ) -> None:
        assert force, "the server refuses to end a task run that another process began"
        self.set_tasks.append((task_run_id, state))
