"""Where the starter of a flow run puts the inputs of the flow.

A flow gets only its parameters from Prefect. What it needs besides lies here under the id of
its flow run: an attempt at a job, or the answer that there is nothing to do.
"""

from typing import Any
from uuid import UUID, uuid4

from prefect import State

from flows.runs.attempts import Attempt, Attempts, ChunkAttempts
from flows.runs.flow_run_client import FlowRunClient
from flows.runtime.adaptive_limit import AdaptiveLimit
from flows.runtime.circuit_breaker import CircuitBreaker
from flows.runtime.leases import Leases
from flows.runtime.resources import WorkerResources
from infra.process_name import process_name
from tasks.jobs.status import JobStatus, read_status

Ticket = Attempt | State[Any] | object
"""An attempt at a job, the work of a chunk, or the answer that there is nothing to do."""


class WorkerContext:
    """One per process. Used only from the event loop."""

    def __init__(
        self, resources: WorkerResources, breaker: CircuitBreaker, flow_runs: FlowRunClient
    ) -> None:
        self.resources = resources
        self.breaker = breaker
        self.flow_runs = flow_runs
        self.owner = f"{process_name()}-{uuid4().hex[:8]}"
        settings = resources.configuration
        self.leases = Leases(resources, breaker)
        self.attempts = Attempts(resources, self.owner, breaker, leases=self.leases)
        self.chunks = ChunkAttempts(self.leases, settings.job.lease_seconds)
        self.start_limit = AdaptiveLimit(settings.worker.slots)
        self.bulk_start_limit = AdaptiveLimit(resources.bulk_slot_count)
        self._tickets: dict[UUID, Ticket] = {}

    async def status(self, job_id: UUID) -> JobStatus | None:
        """Return where a job stands. Raises `ServiceUnavailable`."""
        return await self.resources.db(read_status, job_id)

    def leave(self, flow_run_id: UUID, ticket: Ticket) -> None:
        """Leave a ticket for a flow run that is about to start."""
        self._tickets[flow_run_id] = ticket

    def take(self, flow_run_id: UUID) -> Ticket:
        """Return the ticket of a flow run that has started."""
        try:
            return self._tickets[flow_run_id]
        except KeyError:
            raise RuntimeError(
                "There is no work for this run: start it through the work pool or the API."
            ) from None

    def clear(self, flow_run_id: UUID, ticket: Ticket) -> None:
        """Forget the ticket of a flow run that has ended, unless a newer one lies there."""
        if self._tickets.get(flow_run_id) is ticket:
            del self._tickets[flow_run_id]


_contexts: list[WorkerContext] = []


def install_worker_context(context: WorkerContext) -> None:
    """Make the worker context the one that flows of this process use."""
    _contexts[:] = [context]


def worker_context() -> WorkerContext:
    """Return the worker context of this process."""
    if not _contexts:
        raise RuntimeError(
            "No worker context is installed: flows of this project run in `flows.worker`."
        )
    return _contexts[0]
