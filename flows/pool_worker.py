"""A Prefect worker type that runs what the work pool holds in this process, on the warm runner.

Schedules, quick runs and retries from the UI come this way; starting a process for each of
them would cost about twelve CPU-seconds.
"""

from typing import Any
from uuid import UUID

import anyio.abc
from prefect import Flow
from prefect.client.schemas.objects import FlowRun
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

from flows.process_product import process_product
from flows.runner import run_flow_here
from flows.sweep import sweep

WORKER_TYPE = "product-images"

FLOWS: dict[str, Flow[..., Any]] = {
    "flows.process_product.process_product": process_product,
    "flows.sweep.sweep": sweep,
}
"""Entrypoints of prefect.yaml, mapped to what this process has imported already."""


class WarmResult(BaseWorkerResult):
    """What Prefect is told of a run that ended in this process."""


class PoolWorker(BaseWorker[BaseJobConfiguration, BaseVariables, WarmResult]):
    """Polls the work pool."""

    type = WORKER_TYPE
    job_configuration = BaseJobConfiguration
    _display_name = "Product images"
    _description = "Runs product flows in a warm process, beside the bridge from RabbitMQ."

    async def run(
        self,
        flow_run: FlowRun,
        configuration: BaseJobConfiguration,  # noqa: ARG002 - Prefect's signature
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> WarmResult:
        """Run one flow run here."""
        flow = await self._flow_of(flow_run)
        if task_status is not None:
            task_status.started(0)
        await run_flow_here(flow, flow_run)
        return WarmResult(status_code=0, identifier=str(flow_run.id))

    async def _flow_of(self, flow_run: FlowRun) -> Flow[..., Any]:
        entrypoint = await self._entrypoint(flow_run.deployment_id)
        if entrypoint not in FLOWS:
            raise LookupError(f"This worker does not know the entrypoint {entrypoint!r}.")
        return FLOWS[entrypoint]

    async def _entrypoint(self, deployment_id: UUID | None) -> str | None:
        if deployment_id is None:
            return None
        return (await self.client.read_deployment(deployment_id)).entrypoint
