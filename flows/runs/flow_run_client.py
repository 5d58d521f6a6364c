"""Flow runs of jobs on the Prefect server: one run per job and round, whatever happens.

Must not know what is done with a run, only how it is found, taken, scheduled and closed. A run
is never forced into Pending: that would revive cancelled work.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from http import HTTPStatus
from time import monotonic
from typing import Any
from uuid import UUID

from prefect import State
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateDetails, StateType
from prefect.client.schemas.responses import OrchestrationResult, SetStateStatus
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.states import Cancelled, Completed, Crashed, Failed, Pending, Running, Scheduled

from flows.runs.labels import DEPLOYMENT, RunLabel, batches_pool
from infra.contract.states import JobState
from tasks.jobs.status import JobStatus

UNFINISHED_TASK_RUNS = TaskRunFilter(
    state=TaskRunFilterState(
        type=TaskRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING])
    )
)
PARKED = "Parked"
AWAITING_SLOT = "AwaitingSlot"
"""Name of the state of a run that the bridge has scheduled because of a limit."""
NOTHING_MADE = "NothingMade"
"""Name of the failure of a run that made no image of a job that has ready ones from before."""
NO_PAUSE = (
    "A single run cannot be paused, so its work goes on. Pause the work pool, its queue or the "
    "deployment to start no more work, or cancel this run to end it."
)
"""What a run says after an attempt to pause or suspend it."""
_NO_WISHES = frozenset({PARKED, AWAITING_SLOT, "AwaitingConcurrencySlot", "Late"})
_OURS_SECONDS = 60.0
_SOON = timedelta(seconds=10)  # a poller takes runs that long before their time
_STOPPED = (StateType.CANCELLED, StateType.CANCELLING)
_SLOT_LOST = "Deployment concurrency slot lost"


class TakeResult(Enum):
    """What became of an attempt to take a run into this process."""

    OURS = auto()
    CANCELLED = auto()  # stopped in Prefect
    ELSEWHERE = auto()  # a poller has it, or a limit stands in the way


def final_state(state: JobState, message: str | None = None) -> State[Any]:
    """Return how Prefect shows a job that ended in this state."""
    if state is JobState.READY:
        return Completed(message=message)
    if state is JobState.PARTIAL:
        return Completed(name="Partial", message=message)
    if state is JobState.CANCELLED:
        return Cancelled(message=message)
    return Failed(message=message)


def end_of(status: JobStatus) -> State[Any]:
    """Return how Prefect shows the end that a job has come to, counting its images of all runs."""
    images = status.images
    message = f"{images.ready} of {images.total} images are ready."
    if status.state is JobState.PARTIAL and not images.made:
        return Failed(name=NOTHING_MADE, message=f"This run made no image; {message}")
    return final_state(status.state, message)


def parked_state(until: datetime) -> State[Any]:
    """Return how Prefect shows a job that waits until this moment."""
    message = f"The job waits, for which its log says why; it goes on at {until:%H:%M:%S} UTC."
    return Scheduled(scheduled_time=until, name=PARKED, message=message)


def awaiting_slot() -> State[Any]:
    """Return how Prefect shows a job that goes through the work pool because of a limit."""
    return Scheduled(name=AWAITING_SLOT)


def _before_pause(shown: State[Any] | None) -> State[Any]:
    """Return a new state like the one in which a run was paused.

    A pending run shows Running: the server lets a paused one return to that, not to Pending, and
    who runs it does so from either.
    """
    if shown is None:
        return Scheduled(message=NO_PAUSE)
    if shown.is_pending() or shown.is_running():
        return Running(message=NO_PAUSE)
    is_open = shown.is_scheduled()
    return State(
        type=shown.type,
        name=shown.name,
        message=NO_PAUSE if is_open else shown.message,
        state_details=StateDetails(scheduled_time=shown.state_details.scheduled_time),
    )


def is_stopped(state: State[Any] | None) -> bool:
    """Whether the run was cancelled, or is being cancelled.

    The server cancels runs, too: one that has lost its slot of a limit before it began. That
    is not a request to cancel, and its job goes on.
    """
    if state is None or state.type not in _STOPPED:
        return False
    return not (state.message or "").startswith(_SLOT_LOST)


def _is_wish(state: State[Any]) -> bool:
    """Whether a person asked for it: the server and the bridge schedule runs, too."""
    return state.type is StateType.SCHEDULED and state.name not in _NO_WISHES


def _is_wanted_since(shown: State[Any], ended_at: datetime) -> bool:
    """Whether a run was scheduled again, or taken by a poller for that, after this moment."""
    return (_is_wish(shown) or shown.is_pending()) and shown.timestamp > ended_at


def _is_absent(error: Exception) -> bool:
    """Whether there is no such thing: most calls of the client pass the status on as it came."""
    if isinstance(error, PrefectHTTPStatusError):
        return bool(error.response.status_code == HTTPStatus.NOT_FOUND)
    return isinstance(error, ObjectNotFound)


class FlowRunClient:
    """Used only from the event loop."""

    def __init__(self, client: PrefectClient, work_pool: str) -> None:
        self._client = client
        self._work_pool = work_pool
        self._deployment_ids: dict[str, UUID] = {}
        self._our_ids: list[UUID] = []
        self._ours_until = 0.0

    async def of_job(self, label: RunLabel, state: State[Any] | None = None) -> FlowRun:
        """Return the job's run; unless it exists, create it in this state (default: Pending).

        A Pending run is taken by no poller.
        """
        if label.flow_run_id is not None:
            known = await self.read(label.flow_run_id)
            if known is not None:
                return known
        return await self.create(label, state)

    async def create(self, label: RunLabel, state: State[Any] | None = None) -> FlowRun:
        """Make the run, or return the one that has its idempotency key."""
        try:
            return await self._create(label, state)
        except (ObjectNotFound, PrefectHTTPStatusError) as exc:
            if not _is_absent(exc):
                raise
        self._deployment_ids.clear()  # deployed again since: look it up again
        self._ours_until = 0.0
        return await self._create(label, state)

    async def _create(self, label: RunLabel, state: State[Any] | None) -> FlowRun:
        return await self._client.create_flow_run_from_deployment(
            await self.deployment_id(label.deployment),
            parameters=dict(label.parameters),
            state=state or Pending(),
            name=label.name,
            tags=label.tags,
            idempotency_key=label.idempotency_key,
        )

    async def read(self, flow_run_id: UUID) -> FlowRun | None:
        """Return a run, or None when it was deleted."""
        try:
            return await self._client.read_flow_run(flow_run_id)
        except ObjectNotFound:
            return None

    async def in_states(self, states: Collection[StateType]) -> Sequence[FlowRun]:
        """Return the runs of our deployments that are in one of these states."""
        return await self._client.read_flow_runs(flow_run_filter=await self.filter(states))

    async def pools_of_waiting(self, flow_run_ids: Collection[UUID]) -> set[str]:
        """Return the work pools in which some of these runs wait for a poller, being due."""
        scheduled = FlowRunFilter(
            id=FlowRunFilterId(any_=list(flow_run_ids)),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
        )
        waiting = await self._client.read_flow_runs(flow_run_filter=scheduled)
        soon = datetime.now(UTC) + _SOON
        return {
            run.work_pool_name
            for run in waiting
            if run.work_pool_name is not None
            and (run.next_scheduled_start_time is None or run.next_scheduled_start_time <= soon)
        }

    async def any_without_slot(self, name: str = DEPLOYMENT) -> bool:
        """Whether a run of the deployment is under way that took no slot of the deployment's limit.

        At its end the server frees one all the same, which would be another run's.
        """
        deployment = await self.deployment_id(name)
        active = await self.in_states((StateType.RUNNING, StateType.CANCELLING))
        return any(
            run.state.state_details.deployment_concurrency_lease_id is None
            for run in active
            if run.deployment_id == deployment and run.state is not None
        )

    async def filter(self, states: Collection[StateType]) -> FlowRunFilter:
        """Describe such runs; others may use the same server, and are none of our business."""
        return FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states))),
            deployment_id=FlowRunFilterDeploymentId(any_=await self._ours()),
        )

    async def _ours(self) -> list[UUID]:
        """Return the ids of the deployments of our pools, as they were a short while ago.

        Prefect's client checks each schedule's time zone against a walk through the file system.
        """
        if monotonic() >= self._ours_until:
            pools = [self._work_pool, batches_pool(self._work_pool)]
            pool = WorkPoolFilter(name=WorkPoolFilterName(any_=pools))
            found = await self._client.read_deployments(work_pool_filter=pool)
            self._our_ids = [deployment.id for deployment in found]
            self._ours_until = monotonic() + _OURS_SECONDS
        return self._our_ids

    async def label_run(self, flow_run_id: UUID, label: RunLabel) -> None:
        """Give a run that a person started the name, tags and parameters of its job.

        What the person gave is in the job now; Prefect keeps no URLs, whose queries may be signed.
        """
        await self._client.update_flow_run(
            flow_run_id, name=label.name, tags=label.tags, parameters=dict(label.parameters)
        )

    async def refer(self, flow_run_id: UUID, job_id: UUID) -> None:
        """Leave of a run's parameters only the job that it became."""
        await self._client.update_flow_run(flow_run_id, parameters={"job_id": str(job_id)})

    async def scheduled_at(self, flow_run: FlowRun) -> datetime:
        """Return when a person last wanted the run to start."""
        states = await self._client.read_flow_run_states(flow_run.id)
        wishes = [state.timestamp for state in states if _is_wish(state)]
        return max(wishes, default=flow_run.created or datetime.now(UTC))

    async def take(self, flow_run: FlowRun) -> TakeResult:
        """Make sure that a run may be run here, as it is."""
        state = flow_run.state
        if is_stopped(state):
            return TakeResult.CANCELLED
        if state is None or not state.is_scheduled():
            if flow_run.run_count > 0:
                await self.close_task_runs([flow_run.id])
            return TakeResult.OURS
        answer: OrchestrationResult[Any] = await self._client.set_flow_run_state(
            flow_run.id, Pending()
        )
        return TakeResult.OURS if answer.status is SetStateStatus.ACCEPT else TakeResult.ELSEWHERE

    async def schedule(self, flow_run: FlowRun) -> TakeResult:
        """Have a run taken by a poller, now; ELSEWHERE when it is already on its way."""
        state = flow_run.state
        if is_stopped(state):
            return TakeResult.CANCELLED
        if state is not None and not state.is_final():
            return TakeResult.ELSEWHERE
        await self._client.set_flow_run_state(flow_run.id, awaiting_slot())
        return TakeResult.ELSEWHERE

    async def undo_pause(self, flow_run: FlowRun) -> bool:
        """Have a run show again what it showed when it was paused; False if the server refuses.

        Not forced: a run that was cancelled or has ended meanwhile stays as it is.
        """
        states = await self._client.read_flow_run_states(flow_run.id)
        others = [state for state in states if state.type is not StateType.PAUSED]
        shown = max(others, key=lambda state: state.timestamp, default=None)
        answer: OrchestrationResult[Any] = await self._client.set_flow_run_state(
            flow_run.id, _before_pause(shown)
        )
        return answer.status is SetStateStatus.ACCEPT

    async def close(
        self, flow_run_id: UUID, state: State[Any], *, ended_at: datetime | None = None
    ) -> None:
        """Bring a run and its task runs to an end, unless the run shows one already.

        Crashed does not end a job: it only says that a worker was interrupted. A run that a person
        wants to start again since its job ended at `ended_at` is left alone.
        """
        flow_run = await self.read(flow_run_id)
        if flow_run is None:
            return
        shown = flow_run.state
        if shown is not None and ended_at is not None and _is_wanted_since(shown, ended_at):
            return
        if shown is None or not shown.is_final() or shown.is_crashed():
            await self.force_state(flow_run_id, state)
        await self.close_task_runs([flow_run_id])

    async def show_end(self, status: JobStatus) -> None:
        """Have a job's run show the job's end; nothing to do for a job without end or run."""
        if status.flow_run_id is not None and status.state.is_final:
            await self.close(status.flow_run_id, end_of(status), ended_at=status.finished_at)

    async def force_state(self, flow_run_id: UUID, state: State[Any]) -> None:
        """Put a run into a state, whatever it shows.

        A run that holds a slot of a limit that was removed meanwhile cannot be ended:
        the server fails to free the slot. A Running state without that slot lets go of it.
        """
        try:
            await self._client.set_flow_run_state(flow_run_id, state, force=True)
        except PrefectHTTPStatusError as exc:
            if exc.response.status_code != HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            await self._client.set_flow_run_state(flow_run_id, Running(), force=True)
            await self._client.set_flow_run_state(flow_run_id, state, force=True)

    async def close_task_runs(self, flow_run_ids: Collection[UUID]) -> int:
        """Close task runs that a process which is gone has left unfinished; return how many."""
        if not flow_run_ids:
            return 0
        left = await self._client.read_task_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=list(flow_run_ids))),
            task_run_filter=UNFINISHED_TASK_RUNS,
        )
        for task_run in left:
            state: State[Any] = Crashed(message="The worker that ran this is gone.")
            await self._client.set_task_run_state(task_run.id, state, force=True)
        return len(left)

    async def deployment_id(self, name: str) -> UUID:
        """Return the id of a deployment, looked up once until it is deployed again."""
        if name not in self._deployment_ids:
            self._deployment_ids[name] = (await self._client.read_deployment_by_name(name)).id
        return self._deployment_ids[name]
