"""The four steps as Prefect tasks: one task run per step and product, images side by side.

One task run per image and step would cost the Prefect server more CPU than the pixels.
Nothing is cached or persisted by Prefect: image bytes must never be hashed or stored there.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from prefect import task
from prefect.cache_policies import NO_CACHE

from flows.reports.artifacts import sentence_of
from flows.runs.product_run import ProductRun
from flows.runs.retries import Step, warn_of_retry, with_retries
from flows.runtime.gathering import gather_or_cancel
from flows.runtime.host_waits import Queue, wait_for_host
from flows.runtime.resources import in_thread
from infra.contract.states import JobState
from infra.fetch.transport.stop import Stop
from tasks.imaging.presets.fingerprint import policy_fingerprint
from tasks.jobs.park import park
from tasks.jobs.record import AGAIN_SECONDS, record
from tasks.steps.compress import RenderedImage, compress
from tasks.steps.results import ClaimedImage, FetchedImage, ImageDone
from tasks.steps.reuse import reuse, reuse_stored
from tasks.steps.revalidation import Revalidation, revalidation
from tasks.steps.store import finish, store_original, store_variant


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
    resources, from_stored = run.resources, run.claim.from_stored
    if from_stored and await _made_already(run, image):
        return None
    queue = Queue(run.threads.fetch, resources.source)
    asked = await _question(run, image)
    if asked is None:
        bring = partial(
            resources.source.fetch, image, run.directory, stop=stop, from_stored=from_stored
        )
        return await wait_for_host(queue, bring)
    newer = await wait_for_host(
        queue,
        partial(resources.source.fetch_newer, image, run.directory, known=asked.known, stop=stop),
    )
    if newer is None:
        run.finish(asked.unchanged)
    return newer


async def _made_already(run: ProductRun, image: ClaimedImage) -> bool:
    """Finish an image whose stored original has its variants, before a byte of it is read."""
    resources = run.resources
    if run.claim.force:
        return False
    fingerprint = _fingerprint(run)
    known = await in_thread(run.threads.io, reuse_stored, resources.database, image, fingerprint)
    if known is not None:
        run.finish(known)
    return known is not None


def _fingerprint(run: ProductRun) -> str:
    """Return what the job's preset gives here; raise `PermanentError` for an unknown one."""
    return policy_fingerprint(run.resources.configuration.presets.named(run.claim.preset))


async def _question(run: ProductRun, image: ClaimedImage) -> Revalidation | None:
    """Return what the source can be asked; nothing for an image that shows nothing yet."""
    resources = run.resources
    if image.current_fingerprint is None or image.stored_key is not None or run.claim.force:
        return None
    fingerprint = _fingerprint(run)
    return await in_thread(run.threads.io, revalidation, resources.database, image, fingerprint)


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
        preset = resources.configuration.presets.named(
            run.claim.preset
        )  # an unknown one fails here
        known = None if run.claim.force else await _known(run, source)
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


async def _known(run: ProductRun, source: FetchedImage) -> ImageDone | None:
    resources = run.resources
    return await in_thread(run.threads.io, reuse, resources.database, source, _fingerprint(run))


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
        files = image.rendition.variants
        variants = await gather_or_cancel(
            in_thread(run.threads.store, store_variant, resources.store, image.rendition, file)
            for file in files
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
