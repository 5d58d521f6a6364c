"""Reprocessing from Prefect: a form that starts a batch, and the nightly run of what is stale.

Both use the same use case as the API. The run watches over its batch until it is final, so that
it is the run to look at, and the one to cancel.
"""

from typing import Any
from uuid import UUID

from prefect import State, flow
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed

from flows.coordinate_batch import coordinate
from flows.process_product import own_run_id
from flows.runs.worker_context import WorkerContext, worker_context
from infra.contract.errors import Rejected
from infra.contract.states import BatchState
from tasks.batches.lead import Leader, batch_end
from tasks.batches.retry import retry_batch
from tasks.reprocess.estimate import Estimate, estimate
from tasks.reprocess.request import ReprocessRequest
from tasks.reprocess.selector import Selector
from tasks.reprocess.start import Origin, start

_ANOTHER = "Start another run to select images again."


class ReprocessForm(ReprocessRequest):
    """Which images are regenerated. All conditions that you enter must hold."""


@flow(name="reprocess", retries=0, persist_result=False)
async def reprocess(selection: ReprocessForm = ReprocessForm()) -> State[Any]:  # noqa: B008 - never changed
    """Regenerate images from their stored originals.

    Old variants stay until the new ones are verified. An empty form selects all stale images.
    Cancel the run to cancel its batch; retry it to retry failed and cancelled jobs.

    Args:
        selection: Which images, and how.
    """
    if not selection.dry_run:
        return await _make(selection.selector())
    resources = worker_context().resources
    presets = resources.configuration.presets
    try:
        found = await resources.db(estimate, selection.selector(), presets)
    except Rejected as exc:
        return Failed(message=str(exc))
    return Completed(message=f"Would make {_told(found)}")


@flow(name="reprocess-stale", retries=0, persist_result=False)
async def reprocess_stale() -> State[Any]:
    """Regenerate stale images, up to REPROCESS_NIGHTLY_LIMIT of them."""
    limit = worker_context().resources.configuration.reprocess.nightly_limit
    return await _make(Selector(limit=limit))


async def _make(selector: Selector) -> State[Any]:
    """Start the batch, or go on with the one that this run has started, and watch over it."""
    context, run_id = worker_context(), own_run_id()
    resources, origin = context.resources, Origin(flow_run_id=run_id)
    try:
        started = await resources.db(
            start, selector, resources.configuration.presets, origin=origin
        )
    except Rejected as exc:
        return Failed(message=str(exc))
    if started.batch_id is None:
        return Completed(message="Nothing is to be regenerated.")
    if started.replayed:
        return await _go_on(context, started.batch_id, run_id)
    get_run_logger().info("Batch %s: %s", started.batch_id, _told(started.estimate))
    return await coordinate(context, started.batch_id, run_id)


async def _go_on(context: WorkerContext, batch_id: UUID, run_id: UUID) -> State[Any]:
    """Do again what failed in the batch, or watch over it while it runs."""
    end = await context.resources.db(batch_end, batch_id)
    if end is None or end.state is BatchState.READY:
        return Completed(message=f"Nothing to do: batch {batch_id} is ready. {_ANOTHER}")
    if end.state is not BatchState.RUNNING:
        timings = context.resources.configuration.timings
        leader = Leader(context.owner, run_id, timings.batch_lease_seconds)
        try:
            await context.resources.db(retry_batch, batch_id, leader=leader)
        except Rejected as exc:
            return Failed(message=f"{exc.detail} {_ANOTHER}")
        get_run_logger().info("Batch %s: what failed is done again", batch_id)
    return await coordinate(context, batch_id, run_id)


def _told(found: Estimate) -> str:
    return (
        f"{found.images} images of {found.products} products, {found.bytes / 1e6:.1f} MB to read, "
        f"about {found.estimated_cpu_seconds:.0f} s of CPU."
    )
