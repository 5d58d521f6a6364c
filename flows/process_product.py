"""The product flow: fetch → compress → store → record, every image with its own outcome."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import structlog
from httpx import HTTPError
from prefect import State, flow, tags
from prefect.context import FlowRunContext
from prefect.exceptions import Abort, PrefectException
from prefect.states import Completed, Crashed

from flows.product_tasks import (
    Recorded,
    compress_images,
    fetch_images,
    record_results,
    store_images,
)
from flows.reports.artifacts import report_of, show
from flows.runs.attempts import Attempt, StopReason
from flows.runs.flow_run_client import PARKED, end_of, final_state, parked_state
from flows.runs.product_run import ProductRun
from flows.runs.worker_context import WorkerContext, worker_context
from flows.runtime.gathering import Handover, gather_or_cancel
from infra.contract.errors import LostClaim, ServiceUnavailable
from infra.contract.states import JobState
from tasks.jobs.end_early import Ending, end_early
from tasks.steps.compress import RenderedImage
from tasks.steps.results import FetchedImage

log = structlog.get_logger(__name__)

INTERRUPTED = "Interrupted"
"""Name of the state of a run that says nothing about its job."""

_ENDINGS = {StopReason.CANCELLED: Ending.CANCELLED, StopReason.TIMED_OUT: Ending.TIMED_OUT}


@flow(name="process-product", retries=0, persist_result=False)
async def process_product(
    *,
    job_id: str = "",  # noqa: ARG001 - read before the run began
    image_urls: list[str] = [],  # noqa: ARG001, B006 - read before the run began; never changed
    sku: str = "",  # noqa: ARG001 - read before the run began
    preset: str = "web",  # noqa: ARG001 - read before the run began
) -> State[Any]:
    """Fetch, compress and store the images of one product.

    Enter image URLs to start a new job, or a job id to retry the failed images of a job.

    Args:
        job_id: The job whose failed images are retried.
        image_urls: URLs of images of one product, with http or https. The limits of the API apply
            (API_MAX_URLS, API_MAX_URL_CHARACTERS).
        sku: The product of the images; an unknown product is created.
        preset: Which variants are made.
    """
    # The parameters were read where this run was started, and became the ticket. Their types
    # are plain because Prefect makes a form of them.
    context = worker_context()
    ticket = context.take(own_run_id())
    return (
        await process(context, ticket, OWN_RUN)
        if isinstance(ticket, Attempt)
        else answer_of(ticket)
    )


def interrupted(message: str) -> State[Any]:
    """Return the state of a run that ended for a reason of our own; the job runs again."""
    return Crashed(name=INTERRUPTED, message=f"{message} The job goes back to the queue.")


def is_verdict(state: State[Any] | None) -> bool:
    """Whether a run's end is its job's end: it was neither interrupted nor cancelled."""
    if state is None or not state.is_final():
        return False
    return state.name != INTERRUPTED and not state.is_cancelled()


def answer_of(ticket: object) -> State[Any]:
    """Return the answer that was left instead of work."""
    if not isinstance(ticket, State):
        raise TypeError(f"this flow was left {ticket!r}")
    return ticket


def own_run_id() -> UUID:
    """Return the id of the flow run under way."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise RuntimeError("A flow of this project runs as a flow run of its deployment.")
    return context.flow_run.id


@dataclass(frozen=True, slots=True)
class StepRunner:
    """How a job's steps are done: each as a task run on the job's own page, or plainly."""

    fetch: Callable[[ProductRun, Handover[FetchedImage]], Awaitable[None]]
    compress: Callable[
        [ProductRun, Handover[FetchedImage], Handover[RenderedImage]], Awaitable[None]
    ]
    store: Callable[[ProductRun, Handover[RenderedImage]], Awaitable[None]]
    record: Callable[[ProductRun], Awaitable[Recorded]]
    has_own_run: bool


OWN_RUN = StepRunner(fetch_images, compress_images, store_images, record_results, has_own_run=True)
SHARED_RUN = StepRunner(
    fetch_images.fn, compress_images.fn, store_images.fn, record_results.fn, has_own_run=False
)
"""For jobs that share a flow run: their steps are no task runs."""


async def process(context: WorkerContext, attempt: Attempt, manner: StepRunner) -> State[Any]:
    """Make one attempt at a job; return the state for Prefect."""
    folder = context.resources.configuration.worker.directory
    with TemporaryDirectory(
        prefix="product-images-job-", dir=folder, ignore_cleanup_errors=True
    ) as directory:
        run = ProductRun(context.resources, attempt, Path(directory))
        try:
            attempt.begin()
            # Tags are for a job's own run: each tag of a task run costs a request.
            tagged = tags(*run.label.tags) if manner.has_own_run else nullcontext()
            with _time_limit(context, attempt), tagged:
                return await _work(context, run, manner)
        except LostClaim:  # or a commit of ours whose answer never came
            return await _show_end(context, run)
        except ServiceUnavailable as exc:
            log.warning("run interrupted", job_id=str(attempt.claim.job_id), code=exc.code)
            context.breaker.note(exc)
            return interrupted(exc.detail)
        except asyncio.CancelledError:
            if attempt.halt is None:
                raise
            return await _end(context, run, manner)
        finally:
            run.stop.stop()  # what still runs in threads is useless now
            run.land_soon()


@contextmanager
def _time_limit(context: WorkerContext, attempt: Attempt) -> Iterator[None]:
    seconds = context.resources.configuration.job.timeout_seconds
    timer = asyncio.get_running_loop().call_later(seconds, attempt.end, StopReason.TIMED_OUT)
    try:
        yield
    finally:
        timer.cancel()


async def _work(context: WorkerContext, run: ProductRun, manner: StepRunner) -> State[Any]:
    recorded = await _do_steps(run, manner)
    job_id = str(run.claim.job_id)
    log.info("job recorded", job_id=job_id, state=recorded.state, images=len(run.results))
    if not manner.has_own_run and recorded.not_before is not None:
        return Completed(name=PARKED, message=parked_state(recorded.not_before).message)
    if manner.has_own_run:
        await _show(context, run)
    if recorded.not_before is not None:
        await context.flow_runs.force_state(own_run_id(), parked_state(recorded.not_before))
        raise Abort("the job waits until its supplier wants to be asked again")
    return await _recorded_end(context, run, recorded.state)


async def _do_steps(run: ProductRun, manner: StepRunner) -> Recorded:
    """Do the steps side by side; a step begins when the one before hands over its first image."""
    arrived: Handover[FetchedImage] = Handover()
    rendered: Handover[RenderedImage] = Handover()

    async def fetch() -> None:
        await manner.fetch(run, arrived)
        arrived.close()

    async def compress() -> None:
        if await arrived.begins():
            await manner.compress(run, arrived, rendered)
        rendered.close()

    async def store() -> None:
        if await rendered.begins():
            await manner.store(run, rendered)

    async def make() -> None:
        await gather_or_cancel([fetch(), compress(), store()])
        run.close()

    async def record() -> None:
        await run.has_news()
        recorded.append(await manner.record(run))

    recorded: list[Recorded] = []
    await gather_or_cancel([make(), record()])
    return recorded[0]


async def _recorded_end(context: WorkerContext, run: ProductRun, state: JobState) -> State[Any]:
    """Return how Prefect shows an end that is recorded, whatever can be read of it now."""
    try:
        status = await context.status(run.claim.job_id)
    except ServiceUnavailable as exc:
        context.breaker.note(exc)
        status = None
    if status is None or status.state is not state:  # removed, or begun again since
        return final_state(state)
    return end_of(status)


async def _end(context: WorkerContext, run: ProductRun, manner: StepRunner) -> State[Any]:
    """Bring a stopped attempt to its end."""
    attempt = run.attempted
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()  # the request is answered; what follows is our own work
    why = "" if attempt.halt is None else attempt.halt.name.lower()
    log.info("attempt ends early", job_id=str(run.claim.job_id), why=why)
    if attempt.halt is StopReason.LEAVING:
        return interrupted("The worker stopped.")
    try:
        if attempt.halt in _ENDINGS:
            return await _end_early(context, run, ending=_ENDINGS[attempt.halt], manner=manner)
        return await _show_end(context, run)
    except ServiceUnavailable as exc:
        context.breaker.note(exc)
        return interrupted(exc.detail)


async def _end_early(
    context: WorkerContext, run: ProductRun, *, ending: Ending, manner: StepRunner
) -> State[Any]:
    results, metrics = run.unrecorded, context.resources.metrics
    try:
        state = await context.resources.db(end_early, run.claim, results, ending=ending)
    except LostClaim:  # perhaps because a thread recorded the job while it was being cancelled
        return await _show_end(context, run)
    run.note_recorded()
    metrics.note_job(run.claim.lane, state)
    metrics.note_images(run.claim.lane, results)
    if manner.has_own_run:
        await _show(context, run)
    return await _recorded_end(context, run, state)


async def _show_end(context: WorkerContext, run: ProductRun) -> State[Any]:
    """Return the end that the job has come to; if it has none, another attempt works on it."""
    status = await context.status(run.claim.job_id)
    if status is None or not status.state.is_final:
        raise Abort("another attempt owns this job now")
    return end_of(status)


async def _show(context: WorkerContext, run: ProductRun) -> None:
    """Show the results on the run's page; they are recorded already, so failing is allowed."""
    try:
        await show(
            report_of(run.results, context.resources.configuration.assets.public_asset_url),
            f"What was made for job {run.claim.job_id}",
        )
    except (HTTPError, PrefectException):
        log.warning("report not shown", job_id=str(run.claim.job_id), exc_info=True)
