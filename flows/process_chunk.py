"""The chunk flow: many product jobs as one flow run, one task run for each.

Prefect's fixed cost of a flow run is shared; inside a job's task run the steps are plain calls.
"""

from collections import Counter
from typing import Any

import structlog
from httpx import HTTPError
from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.exceptions import Abort, PrefectException
from prefect.states import Cancelled, Completed, Failed

from flows.execution.chunk_jobs import ChunkJobs
from flows.process_product import SHARED_RUN, answer_of, interrupted, own_run_id, process
from flows.reports.artifacts import plain, show, table
from flows.runs.attempts import Attempt, StopReason
from flows.runs.worker_context import worker_context
from infra.contract.errors import ServiceUnavailable
from infra.contract.states import JobState

log = structlog.get_logger(__name__)


@flow(name="process-chunk", retries=0, persist_result=False)
async def process_chunk(*, chunk_id: str = "") -> State[Any]:  # noqa: ARG001 - read before
    """Process the product jobs of one chunk of a batch.

    Args:
        chunk_id: The chunk. Workers start these runs. Retry a run to retry its failed jobs.
    """
    context = worker_context()
    work = context.take(own_run_id())
    if not isinstance(work, ChunkJobs):
        return answer_of(work)
    await work.do_all(_do)
    if work.attempt.halt is StopReason.LOST:
        raise Abort("another attempt owns this chunk now")
    if work.is_interrupted:
        return interrupted("The worker takes no more work at present.")
    try:
        counts = await work.finish()
    except ServiceUnavailable as exc:
        context.breaker.note(exc)
        return interrupted(exc.detail)
    if counts is None:
        raise Abort("another attempt owns this chunk now")
    states = {str(state): jobs for state, jobs in counts.items()}
    log.info("chunk done", chunk_id=str(work.attempt.claim.chunk_id), **states)
    await _show(work)
    return _final_state(counts, work.attempt.halt)


@task(
    name="product",
    task_run_name="{name}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=0,
)
async def product(name: str, attempt: Attempt) -> State[Any]:  # noqa: ARG001 - names the task run
    """Do one product job."""
    try:
        return await process(worker_context(), attempt, SHARED_RUN)
    except Abort as exc:
        return Completed(name="Left", message=str(exc))


async def _do(attempt: Attempt) -> State[Any]:
    claim = attempt.claim
    call: Any = product  # what a task returns with `return_state` has no type of its own
    state: State[Any] = await call(
        claim.sku or f"product {str(claim.product_id)[-12:]}", attempt, return_state=True
    )
    return state


def _final_state(counts: Counter[JobState], halt: StopReason | None) -> State[Any]:
    """Return how Prefect shows the end of a chunk, counting its jobs of all attempts."""
    total = counts.total()
    message = f"{counts[JobState.READY]} of {total} jobs are ready."
    if halt is StopReason.CANCELLED:
        return Cancelled(message=f"{message} The others went back to the batch.")
    if counts[JobState.READY] == total:
        return Completed(message=message)
    if counts[JobState.FAILED] == total:
        return Failed(message=message)
    return Completed(name="Partial", message=message)


async def _show(work: ChunkJobs) -> None:
    """Show the jobs on the run's page; they are recorded already, so failing is allowed."""
    rows = [
        (plain(work.skus.get(job_id, "")), work.ended.get(job_id, "back in the batch"), job_id)
        for job_id in work.attempt.claim.job_ids
    ]
    try:
        await show(table(("product", "state", "job"), rows), "The jobs of this attempt")
    except (HTTPError, PrefectException):
        log.warning("report not shown", chunk_id=str(work.attempt.claim.chunk_id), exc_info=True)
