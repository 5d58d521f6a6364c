"""Chunk runs that came through the work pool: a person's retry, or a limit."""

from typing import Any
from uuid import UUID

from prefect import State
from prefect.client.schemas.objects import FlowRun
from prefect.states import Completed, Failed, Running

from flows.pool.runs import PolledWork
from flows.runs.attempts import ChunkAttempt
from tasks.chunks.claim import ChunkClaim
from tasks.chunks.reopen import reopen_chunk
from tasks.chunks.status import chunk_status
from tasks.jobs.lease import Unclaimed


class PolledChunks(PolledWork[ChunkClaim, ChunkAttempt]):
    """Runs that stand for chunks."""

    async def _work_of(self, flow_run: FlowRun) -> UUID | State[Any]:
        try:
            return UUID(str(flow_run.parameters.get("chunk_id")))
        except ValueError:
            return Failed(message="Give the id of a chunk.")

    async def _reopen(self, work_id: UUID, flow_run: FlowRun) -> bool:
        return await self._context.resources.db(
            reopen_chunk,
            work_id,
            flow_run_id=flow_run.id,
            wished_at=await self._context.flow_runs.scheduled_at(flow_run),
        )

    async def _nothing_to_do(
        self,
        work_id: UUID,
        reason: Unclaimed,  # noqa: ARG002 - only the end of a job's run says why
        flow_run: FlowRun,
    ) -> State[Any]:
        status = await self._context.resources.db(chunk_status, work_id)
        if status is None:
            return Failed(message=f"There is no chunk {work_id}.")
        if status.lease_is_live and status.flow_run_id == flow_run.id:
            return Running()
        return Completed(message="Nothing to do: the jobs of this chunk have ended or left it.")
