"""The product flow: fetch → compress → store → record, every image with its own outcome."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import structlog
from httpx import HTTPError
from prefect import State, flow
from prefect.exceptions import Abort, PrefectException
from prefect.states import Completed, Crashed, Failed

from flows.desk import Desk, current_desk
from flows.product_run import ProductRun
from flows.report import show_table, table_of
from flows.steps import compress_images, fetch_images, record_results, store_images
from infra.errors import LostClaim, ServiceUnavailable
from infra.states import JobState
from tasks.claim import Claim
from tasks.result import ImageDone

log = structlog.get_logger(__name__)

INTERRUPTED = "Interrupted"
"""Name of the state of a run that says nothing about its job."""


@flow(name="process-product", retries=0, persist_result=False)
async def process_product(job_id: UUID) -> State[Any]:
    """Process the images of one job.

    The job's row in PostgreSQL is the truth; the state of this run shows it.
    """
    desk = current_desk()
    claim = await desk.claim_for(job_id)
    if not isinstance(claim, Claim):
        return Completed(message=f"Nothing to do: the job is {claim.name.lower()}.")
    with desk.leases.hold(claim) as holding:
        try:
            return await _work(desk, claim)
        except LostClaim:
            raise Abort("another attempt owns this job now") from None
        except ServiceUnavailable as exc:
            log.warning("run interrupted", job_id=str(job_id), code=exc.code)
            return interrupted(exc)
        except asyncio.CancelledError:
            if holding.lost:
                raise Abort("another attempt owns this job now") from None
            raise


def interrupted(error: ServiceUnavailable) -> State[Any]:
    """Return the state of a run that an outage of our own parts ended; it will run again."""
    return Crashed(name=INTERRUPTED, message=f"{error.detail} The job goes back to the queue.")


async def _work(desk: Desk, claim: Claim) -> State[Any]:
    folder = desk.workshop.configuration.worker.directory
    with TemporaryDirectory(prefix="product-images-job-", dir=folder) as directory:
        run = ProductRun(desk.workshop, claim, Path(directory))
        fetched = await fetch_images(run)
        rendered = await compress_images(run, fetched)
        if rendered:
            await store_images(run, rendered)
        state = await record_results(run)
    log.info("job finished", job_id=str(claim.job_id), state=state, images=len(run.results))
    await _show(desk, run)
    return _final_state(run, state)


async def _show(desk: Desk, run: ProductRun) -> None:
    """Show the results on the run's page; the job is recorded already, so failing is allowed."""
    try:
        await show_table(
            table_of(run.results, desk.workshop.configuration.assets.public_asset_url),
            f"What was made for job {run.claim.job_id}",
        )
    except (HTTPError, PrefectException):
        log.warning("table not shown", job_id=str(run.claim.job_id), exc_info=True)


def _final_state(run: ProductRun, state: JobState) -> State[Any]:
    ready = sum(isinstance(result, ImageDone) for result in run.results)
    message = f"{ready} of {len(run.results)} images are ready."
    if state is JobState.READY:
        return Completed(message=message)
    if state is JobState.PARTIAL:
        return Completed(name="Partial", message=message)
    return Failed(message=message)
