"""Makes one attempt at claimed work: runs its flow run, and settles what the flow left open.

The same for jobs and chunks, through RabbitMQ or through the work pool; what differs is in
`job_executor` and `chunk_executor`. The row decides what happens next, never Prefect's state.
"""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

import structlog
from httpx import TransportError
from prefect import Flow, State
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import Abort
from prefect.states import aget_state_exception

from flows.process_product import is_verdict
from flows.runs.attempts import AnyAttempt, AnyClaim, HeldAttempts, StopReason, WorkAttempt
from flows.runs.flow_run_client import TakeResult, is_stopped
from flows.runs.labels import RunLabel
from flows.runs.worker_context import WorkerContext
from flows.runtime.circuit_breaker import PauseReason
from flows.runtime.dependency_monitor import DependencyMonitor
from flows.runtime.event_loop import run_flow_here
from infra.broker.broker import Delivery
from infra.contract.errors import ServiceUnavailable
from infra.contract.states import Lane
from tasks.jobs.lease import Unclaimed, give_back, link_flow_run

T = TypeVar("T")
log = structlog.get_logger(__name__)

_AGAIN_SECONDS = 3.0  # between two attempts at work that came back unfinished
_LOOK_SECONDS = 1.0


class Executor(ABC, Generic[AnyClaim, AnyAttempt]):
    """Used only from the event loop."""

    lane: ClassVar[Lane]
    """The lane whose limits in Prefect count for the runs."""

    def __init__(
        self,
        context: WorkerContext,
        monitor: DependencyMonitor,
        attempts: HeldAttempts[AnyClaim, AnyAttempt],
        *,
        take: Callable[..., AnyClaim | Unclaimed],
        flow: Flow[..., Any],
    ) -> None:
        """`take` is the use case that claims, `flow` what does the claimed work."""
        self._context = context
        self._monitor = monitor
        self.attempts: HeldAttempts[AnyClaim, AnyAttempt] = attempts
        self._take: Callable[..., AnyClaim | Unclaimed] = take
        self._flow = flow

    def start_turn(
        self,
        is_closed: Callable[[], bool],  # noqa: ARG002 - for those that limit their starts
    ) -> AbstractAsyncContextManager[object]:
        """Wait until one more may begin."""
        return nullcontext()

    async def close_run(self, work_id: UUID) -> None:
        """Close the run of work that has ended before its worker told Prefect; the reaper may."""

    @abstractmethod
    def _label(self, claim: AnyClaim) -> RunLabel:
        """Name the flow run of claimed work."""

    @abstractmethod
    def _ticket(self, attempt: AnyAttempt) -> object:
        """Return what the flow finds when it begins."""

    @abstractmethod
    async def _end_cancelled(self, attempt: AnyAttempt) -> None:
        """End work whose run was cancelled before the flow could do it."""

    async def _show_end(self, attempt: AnyAttempt, state: State[Any] | None) -> None:
        """Make the run show the end of its work, when it does not."""

    async def claim(self, work_id: UUID) -> AnyClaim | Unclaimed:
        """Claim a job or chunk for this process. Raises `ServiceUnavailable`.

        When the caller is cancelled meanwhile, a claim that was made goes back uncounted.
        """
        resources, owner = self._context.resources, self._context.owner
        settings = resources.configuration.job
        claiming = asyncio.ensure_future(
            resources.db(self._take, work_id, owner=owner, settings=settings)
        )
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            with suppress(ServiceUnavailable):
                claimed = await claiming
                if not isinstance(claimed, Unclaimed):
                    await resources.db(give_back, claimed, counts=False, republish=True)
            raise

    async def serve(self, claim: AnyClaim, delivery: Delivery) -> None:
        """Do the work of a delivery in the work's own flow run; then settle the delivery."""
        with self.attempts.hold(claim) as attempt:
            attempt.deliveries.append(delivery)
            returned = True
            try:
                returned = await self.work_directly(attempt)
            finally:
                attempt.settle(returned=returned)

    async def serve_run(self, claim: AnyClaim, flow_run: FlowRun) -> None:
        """Do the work in a run that came through the work pool; then settle adopted deliveries."""
        with self.attempts.hold(claim) as attempt:
            returned = True
            try:
                returned = await self.work(attempt, flow_run, republish=True)
            finally:
                attempt.settle(returned=returned)

    async def work_directly(self, attempt: AnyAttempt) -> bool:
        """Run the work's own flow run here; return whether the work went back unfinished."""
        try:
            found = await supervise(attempt, self._find(attempt), monitor=self._monitor)
        except asyncio.CancelledError:
            await asyncio.shield(self._settle(attempt, counts=False))
            raise
        if found is not None:
            flow_run, taken = found
            if taken is TakeResult.OURS:
                return await self.work(attempt, flow_run)
            if taken is TakeResult.CANCELLED and await self._link(attempt, flow_run):
                await self._end_cancelled(attempt)
        return await self._settle(attempt, counts=False)  # who has the run claims the work

    async def _find(self, attempt: AnyAttempt) -> tuple[FlowRun, TakeResult]:
        flow_run = await self._context.flow_runs.of_job(self._label(attempt.claim))
        return flow_run, await self._context.flow_runs.take(flow_run)

    async def work(
        self, attempt: AnyAttempt, flow_run: FlowRun, *, republish: bool = False
    ) -> bool:
        """Run a flow run that is ours; return whether the work went back unfinished."""
        state: State[Any] | None = None
        was_cancelled = False
        try:
            state = await self._run(attempt, flow_run)
            was_cancelled = is_cancelled(attempt, state) and not attempt.recorded
            if was_cancelled:
                await self._end_cancelled(attempt)  # before the flow could do it
        finally:
            counts = is_verdict(state)
            returned = await asyncio.shield(
                self._settle(attempt, counts=counts, republish=republish)
            )
        if not (returned or was_cancelled or attempt.halt is StopReason.LOST):
            await self._show_end(attempt, state)
        return returned

    async def _run(self, attempt: AnyAttempt, flow_run: FlowRun) -> State[Any] | None:
        if not await self._link(attempt, flow_run):
            return None
        ticket = self._ticket(attempt)
        self._context.leave(flow_run.id, ticket)
        try:
            with attempt.beginning.awaited():
                running = run_flow_here(self._flow, flow_run)
                return await supervise(attempt, running, monitor=self._monitor)
        finally:
            self._context.clear(flow_run.id, ticket)

    async def _link(self, attempt: AnyAttempt, flow_run: FlowRun) -> bool:
        """Note which run shows the work; False when PostgreSQL is away."""
        attempt.flow_run_id = flow_run.id
        try:
            await self._context.resources.db(link_flow_run, attempt.claim, flow_run.id)
        except ServiceUnavailable as exc:
            self._context.breaker.note(exc)
            return False
        return True

    async def _settle(self, attempt: AnyAttempt, *, counts: bool, republish: bool = False) -> bool:
        """Give the work back if it is still ours; return whether its deliveries must go back."""
        if attempt.recorded:
            return False
        returned = await self._give_back(attempt.claim, counts=counts, republish=republish)
        if returned and self._context.breaker.is_admitting and attempt.halt is None:
            await asyncio.sleep(_AGAIN_SECONDS * random.uniform(0.8, 1.2))
        return returned

    async def _give_back(self, claim: AnyClaim, *, counts: bool, republish: bool) -> bool:
        """Wait for PostgreSQL if need be.

        What is not given back costs an attempt. After an answer that never came, it may be given
        back already: then its delivery goes back too, because one too many does no harm.
        """
        resources, unsure = self._context.resources, False
        while True:
            try:
                returned = await resources.db(give_back, claim, counts=counts, republish=republish)
            except ServiceUnavailable as exc:
                unsure = True
                self._context.breaker.note(exc)
            else:
                return returned or unsure
            if PauseReason.LEAVING in self._context.breaker.reasons:
                return True  # the lease will expire; a delivery must not be lost
            await asyncio.sleep(_LOOK_SECONDS)


async def supervise(
    attempt: WorkAttempt[Any], work: Coroutine[Any, Any, T], *, monitor: DependencyMonitor
) -> T | None:
    """Do work that the attempt can stop; return its result, or None when there is none.

    An outage of Prefect, or its refusal, is no result.
    """
    task = asyncio.create_task(work)
    attempt.task = task
    if attempt.halt is not None:
        task.cancel()
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        attempt.end(StopReason.LEAVING)
        await asyncio.wait([task])
        raise
    finally:
        attempt.task = None
    if task.cancelled():
        return None
    error = task.exception() or await _outage_shown_by(task.result())
    if error is None:
        return task.result()
    subject = str(attempt.claim.id)
    if isinstance(error, Abort):
        log.info("run left", subject=subject, reason=str(error))
    elif isinstance(error, KeyboardInterrupt | SystemExit):
        raise error
    else:
        log.warning("run broken off", subject=subject, error=repr(error))
        await monitor.suspect(PauseReason.PREFECT)
    return None


def is_cancelled(attempt: WorkAttempt[Any], state: State[Any] | None) -> bool:
    """Whether the work of the attempt was cancelled, or its run before the flow began."""
    return attempt.halt is StopReason.CANCELLED or is_stopped(state)


async def _outage_shown_by(result: object) -> BaseException | None:
    """Return what made a run fail because Prefect was away, and back in time to show that.

    What asks for the slots of a task run's tags hides it in its cause.
    """
    if not isinstance(result, State) or not result.is_failed():
        return None
    error = await aget_state_exception(result)
    was_away = isinstance(error, TransportError) or isinstance(error.__cause__, TransportError)
    return error if was_away else None
