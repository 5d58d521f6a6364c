"""A Prefect worker type that runs what the work pool holds in this process, on the warm runner.

Schedules, quick runs, retries from the UI and everything under a concurrency limit come this
way; starting a process for each of them would cost about twelve CPU-seconds.
"""

import asyncio
from contextlib import suppress
from typing import Any

import anyio.abc
from prefect import Flow
from prefect.client.schemas.objects import FlowRun
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

from flows.collect_garbage import collect_garbage
from flows.coordinate_batch import coordinate_batch
from flows.daily_summary import daily_summary
from flows.pool.polling_turn import turn
from flows.pool.runs import PoolRuns
from flows.process_chunk import process_chunk
from flows.process_product import process_product
from flows.reprocess import reprocess, reprocess_stale
from flows.runs.worker_context import worker_context
from flows.runtime.prefect_limits import PrefectLimits
from flows.sweep import sweep
from flows.verify import verify
from infra.contract.errors import ServiceUnavailable

WORKER_TYPE = "product-images"
_COUNTED_SECONDS = 10.0
_LOOK_SECONDS = 0.05

FLOWS: dict[str, Flow[..., Any]] = {
    "flows.process_product.process_product": process_product,
    "flows.process_chunk.process_chunk": process_chunk,
    "flows.coordinate_batch.coordinate_batch": coordinate_batch,
    "flows.reprocess.reprocess": reprocess,
    "flows.reprocess.reprocess_stale": reprocess_stale,
    "flows.sweep.sweep": sweep,
    "flows.daily_summary.daily_summary": daily_summary,
    "flows.collect_garbage.collect_garbage": collect_garbage,
    "flows.verify.verify": verify,
}
"""Entrypoints of prefect.yaml, mapped to what this process has imported already."""


_UNDER_WAY: set[asyncio.Task[None]] = set()  # the loop itself holds tasks only weakly


class PoolResult(BaseWorkerResult):
    """The result of a run that ended in this process, for Prefect."""


class PoolWorker(BaseWorker[BaseJobConfiguration, BaseVariables, PoolResult]):
    """Polls the work pool."""

    type = WORKER_TYPE
    job_configuration = BaseJobConfiguration
    _display_name = "Product images"
    _description = (
        "Runs product flows in worker processes that also take jobs from RabbitMQ. "
        "Start one with `product-images worker`; more of them share the work."
    )

    runs: PoolRuns | None = None
    prefect_limits: PrefectLimits | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._looking = asyncio.Lock()
        self.lost_turn = False
        """Whether the last look was left out because another worker was looking."""

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Take runs only while the intake is open: a job could not be claimed otherwise."""
        async with self._looking:
            self.lost_turn = False
            if not worker_context().breaker.is_admitting:
                return []
            if self.prefect_limits is None or not await self.prefect_limits.counts_runs():
                return await super().get_and_submit_flow_runs()
            return await self._take_turn()

    async def _take_turn(self) -> list[FlowRun]:
        """Look alone, and until the runs that were taken are pending, and so counted."""
        context = worker_context()
        try:
            async with turn(context.resources) as ours:
                if not ours:
                    self.lost_turn = True
                    return []
                taken = await super().get_and_submit_flow_runs()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_COUNTED_SECONDS):
                        while self._submitting_flow_run_ids:
                            await asyncio.sleep(_LOOK_SECONDS)
                return taken
        except ServiceUnavailable as exc:
            context.breaker.note(exc)
            return []

    async def run(
        self,
        flow_run: FlowRun,
        configuration: BaseJobConfiguration,  # noqa: ARG002 - Prefect's signature
        task_status: anyio.abc.TaskStatus[Any] | None = None,
    ) -> PoolResult:
        """Run one flow run here."""
        if self.runs is None:
            raise RuntimeError("a pool worker runs inside a worker process of this project")
        entrypoint = None
        if flow_run.deployment_id is not None:
            entrypoint = (await self.client.read_deployment(flow_run.deployment_id)).entrypoint
        if entrypoint not in FLOWS:
            raise LookupError(f"This worker does not know the entrypoint {entrypoint!r}.")
        if task_status is not None:
            task_status.started(self.name)  # the run's infrastructure: this process
        # Not a part of Prefect's task group: what ends the polling must not end the work.
        task = asyncio.create_task(self.runs.run(FLOWS[entrypoint], flow_run))
        _UNDER_WAY.add(task)
        task.add_done_callback(_UNDER_WAY.discard)
        await asyncio.shield(task)
        return PoolResult(status_code=0, identifier=str(flow_run.id))
