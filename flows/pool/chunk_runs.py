"""Chunk runs that came through the work pool: a person's retry, or a limit."""

import asyncio
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from prefect import State
from prefect.client.schemas.objects import FlowRun
from prefect.states import Completed, Failed, Running

from flows.execution.chunk_executor import ChunkExecutor
from flows.runs.worker_context import WorkerContext
from infra.contract.errors import ServiceUnavailable
from tasks.chunks.claim import ChunkClaim
from tasks.chunks.reopen import reopen_chunk
from tasks.chunks.status import chunk_status
from tasks.jobs.claim import Unclaimed

log = structlog.get_logger(__name__)

_PATIENCE_SECONDS = 15.0  # for a chunk that is about to be let go
_LOOK_SECONDS = 0.5
_WAIT_FOR = (Unclaimed.HELD_HERE, Unclaimed.HELD_ELSEWHERE)


class PoolChunkRuns:
    """Used only from the event loop."""

    def __init__(self, context: WorkerContext, executor: ChunkExecutor) -> None:
        self._context = context
        self._executor = executor

    async def admit(self, flow_run: FlowRun) -> ChunkClaim | State[Any] | None:
        """Return a claim of the run's chunk, or what the run ends with; None in an outage."""
        try:
            chunk_id = UUID(str(flow_run.parameters.get("chunk_id")))
        except ValueError:
            return Failed(message="Give the id of a chunk.")
        try:
            return await self._claim(chunk_id, flow_run)
        except ServiceUnavailable as exc:
            self._context.breaker.note(exc)
            return None

    async def attempt(self, claimed: ChunkClaim, flow_run: FlowRun) -> None:
        """Do the chunk in this run."""
        with self._context.chunks.hold(claimed) as attempt:
            returned = True
            try:
                returned = await self._executor.work(attempt, flow_run, republish=True)
            finally:
                attempt.settle(returned=returned)

    async def _claim(self, chunk_id: UUID, flow_run: FlowRun) -> ChunkClaim | State[Any]:
        deadline = monotonic() + _PATIENCE_SECONDS
        while True:
            claimed = await self._context.claim_chunk(chunk_id)
            if isinstance(claimed, ChunkClaim):
                return claimed
            if claimed is Unclaimed.FINAL and await self._reopen(chunk_id, flow_run):
                continue
            if claimed not in _WAIT_FOR or monotonic() > deadline:
                return await self._nothing_to_do(chunk_id, flow_run)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _reopen(self, chunk_id: UUID, flow_run: FlowRun) -> bool:
        resources = self._context.resources
        return await resources.db(
            reopen_chunk,
            chunk_id,
            flow_run_id=flow_run.id,
            wished_at=await self._context.flow_runs.scheduled_at(flow_run),
        )

    async def _nothing_to_do(self, chunk_id: UUID, flow_run: FlowRun) -> State[Any]:
        resources = self._context.resources
        status = await resources.db(chunk_status, chunk_id)
        if status is None:
            return Failed(message=f"There is no chunk {chunk_id}.")
        if status.lease_is_live and status.flow_run_id == flow_run.id:
            return Running()
        return Completed(message="Nothing to do: the jobs of this chunk have ended or left it.")
