"""The four steps as Prefect tasks: one task run per step and product, images side by side.

One task run per image and step would cost the Prefect server more CPU than the pixels.
Nothing is cached or persisted by Prefect: image bytes must never be hashed or stored there.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE

from flows.reports.artifacts import sentence_of
from flows.runs.product_run import ProductRun
from flows.runs.retries import Step, warn_of_retry, with_retries
from flows.runtime.gathering import gather_or_cancel
from flows.runtime.resources import in_thread
from infra.contract.errors import HostBusy
from infra.contract.states import JobState
from infra.fetch.transport.stop import Stop
from tasks.imaging.presets.fingerprint import policy_fingerprint
from tasks.jobs.park import park
from tasks.jobs.record import AGAIN_SECONDS, record
from tasks.steps.compress import RenderedImage, compress
from tasks.steps.results import ClaimedImage, FetchedImage, ImageDone
from tasks.steps.reuse import reuse, reuse_stored
from tasks.steps.revalidation import revalidation
from tasks.steps.store import finish, store_original, store_variant

T = TypeVar("T")

_HOST_WAIT_SECONDS = 3.0
_SHORTEST_HOST_WAIT_SECONDS = 0.1


@task(
    name="fetch",
    task_run_name="fetch · {run.label.name}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=0,
)
async def fetch_images(run: ProductRun) -> list[FetchedImage]:
    """Bring all images into local files; return those that arrived while there was time.

    The other images wait for the slowest one here, so it may not take all of the job's time.
    """

    async def fetch(image: ClaimedImage) -> FetchedImage | None:
        stop = Stop()
        with run.stop.calling(stop.stop):
            try:
                async with asyncio.timeout_at(run.fetch_deadline):
                    return await run.attempt(
                        Step.FETCH, image, partial(_bring, run, image, stop=stop)
                    )
            except TimeoutError:
                run.give_up(image)
                return None
            finally:
                stop.stop()  # a thread hears of no cancelling

    arrived = await gather_or_cancel(fetch(image) for image in run.claim.images)
    return [fetched for fetched in arrived if fetched is not None]


async def _bring(run: ProductRun, image: ClaimedImage, *, stop: Stop) -> FetchedImage | None:
    """Fetch one image; None when its variants exist already.

    Either its source says that what the product shows is still right, or no source is asked.
    """
    database, source = run.resources.database, run.resources.source
    force, from_stored = run.claim.force, run.claim.from_stored
    if from_stored and not force:
        known = await in_thread(run.threads.io, reuse_stored, database, image, _fingerprint(run))
        if known is not None:
            run.finish(known)
            return None
    asked = None
    if image.current_fingerprint is not None and image.stored_key is None and not force:
        asked = await in_thread(run.threads.io, revalidation, database, image, _fingerprint(run))
    if asked is None:
        bring = partial(source.fetch, image, run.directory, stop=stop, from_stored=from_stored)
        return await _wait_for_host(run, bring)
    newer = await _wait_for_host(
        run, partial(source.fetch_newer, image, run.directory, known=asked.known, stop=stop)
    )
    if newer is None:
        run.finish(asked.unchanged)
    return newer


async def _wait_for_host(run: ProductRun, fetch: Callable[[], T]) -> T:
    """Fetch in a thread, again while the host is busy; raise `HostBusy` naming its turn.

    Waits without holding a thread, and for a short time only: the job holds one of the worker's
    slots, which jobs of other suppliers need. What does not get its turn soon takes a place in the
    host's queue, and its job is parked until then.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + _HOST_WAIT_SECONDS
    while True:
        try:
            return await in_thread(run.threads.fetch, fetch)
        except HostBusy as exc:
            wait = max(exc.retry_after_seconds or 0, _SHORTEST_HOST_WAIT_SECONDS)
            wait *= random.uniform(1, 1.5)
            if loop.time() + wait > end:
                turn = await in_thread(run.threads.fetch, run.resources.source.turn, exc.host)
                raise HostBusy(exc.host, exc.detail, turn) from exc
        await asyncio.sleep(wait)


def _fingerprint(run: ProductRun) -> str:
    """Return what the job's preset gives here; raise `PermanentError` for an unknown one."""
    return policy_fingerprint(run.resources.configuration.presets.named(run.claim.preset))


@task(
    name="compress",
    task_run_name="compress · {run.label.name}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=0,
)
async def compress_images(run: ProductRun, fetched: Sequence[FetchedImage]) -> list[RenderedImage]:
    """Make the variants of all images that have none yet; return what to store.

    A forced job makes them although they are there: the same keys get the same bytes.
    """
    resources = run.resources

    async def make(source: FetchedImage) -> RenderedImage | None:
        # An unknown one fails here.
        preset = resources.configuration.presets.named(run.claim.preset)
        if not run.claim.force:
            known = await in_thread(
                run.threads.io, reuse, resources.database, source, _fingerprint(run)
            )
            if known is not None:
                run.finish(known)
                return None
        return await compress(
            resources.pixels, source, run.directory, preset=preset, lane=run.claim.lane
        )

    async def compress_one(source: FetchedImage) -> RenderedImage | None:
        return await run.attempt(Step.COMPRESS, source.image, partial(make, source))

    rendered = await gather_or_cancel(compress_one(source) for source in fetched)
    return [image for image in rendered if image is not None]


@task(
    name="store",
    task_run_name="store · {run.label.name}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=0,
)
async def store_images(run: ProductRun, rendered: Sequence[RenderedImage]) -> None:
    """Put originals and variants into the object store, verified."""
    resources = run.resources

    async def put(image: RenderedImage) -> ImageDone:
        original = await in_thread(run.threads.store, store_original, resources.store, image)
        variants = await gather_or_cancel(
            in_thread(run.threads.store, store_variant, resources.store, image.rendition, file)
            for file in image.rendition.variants
        )
        return finish(image, original, variants)

    async def store(image: RenderedImage) -> None:
        done = await run.attempt(Step.STORE, image.fetched.image, partial(put, image))
        if done is not None:
            run.finish(done)

    await gather_or_cancel(store(image) for image in rendered)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the job became; `not_before` is set when it waits for its next attempt."""

    state: JobState
    not_before: datetime | None = None


@task(
    name="record",
    task_run_name="record · {run.label.name}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=0,
)
async def record_results(run: ProductRun) -> Recorded:
    """Write what became of every image, in one transaction guarded by the claim."""
    resources = run.resources

    def write() -> Recorded:
        if run.park_seconds is None:
            state = record(resources.database, run.claim, run.results)
            again = datetime.now(UTC) + timedelta(seconds=AGAIN_SECONDS)
            recorded = Recorded(state, None if state.is_final else again)
        else:
            until = park(
                resources.database,
                run.claim,
                run.results,
                seconds=run.park_seconds,
                counts=run.park_counts,
            )
            recorded = Recorded(JobState.QUEUED, until)
        run.note_recorded()
        return recorded

    recorded = await with_retries(
        Step.RECORD,
        lambda: in_thread(run.threads.io, write),
        warn_of_retry(Step.RECORD, "record", run.run_log.warning),
    )
    for result in run.results:
        if isinstance(result, ImageDone):  # a failure was told when it happened
            run.run_log.info(sentence_of(result))
    return recorded
