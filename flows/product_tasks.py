"""The four steps as Prefect tasks: one task run per step and product, images side by side.

The steps overlap: each image goes on to the next one by itself, through a `Handover`.

One task run per image and step would cost the Prefect server more CPU than the pixels.
Nothing is cached or persisted by Prefect: image bytes must never be hashed or stored there.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID

import structlog
from prefect import task
from prefect.cache_policies import NO_CACHE

from flows.reports.artifacts import sentence_of
from flows.runs.product_run import ProductRun
from flows.runs.retries import Step, warn_of_retry, with_retries
from flows.runtime.gathering import Handover, for_each, gather_or_cancel
from flows.runtime.resources import in_thread
from infra.contract.errors import FetchRefused, HostBusy, ServiceUnavailable, TransientError
from infra.contract.states import JobState
from infra.fetch.transport.stop import Stop
from tasks.imaging.presets.fingerprint import policy_fingerprint
from tasks.imaging.presets.model import Preset
from tasks.jobs.park import park
from tasks.jobs.record import AGAIN_SECONDS, record, record_images
from tasks.reprocess.targets import register_focus
from tasks.steps.compress import RenderedImage, compress
from tasks.steps.results import ClaimedImage, FetchedImage, ImageDone, ImageResult
from tasks.steps.reuse import reuse, reuse_stored
from tasks.steps.revalidation import revalidation
from tasks.steps.store import finish, store_original, store_variant
from tasks.steps.url_flights import original_fetched_for

T = TypeVar("T")
log = structlog.get_logger(__name__)

_TOGETHER_SECONDS = 0.1  # results that come within it are written in one transaction
_FLIGHT_LOOK_SECONDS = 0.15
_HOST_WAIT_SECONDS = 3.0
_SHORTEST_HOST_WAIT_SECONDS = 0.1


@task(
    name="fetch",
    task_run_name="fetch · {run.label.name}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=0,
)
async def fetch_images(run: ProductRun, arrived: Handover[FetchedImage]) -> None:
    """Bring all images into local files, each handed over when it has arrived.

    What comes last must still be compressed and stored, so it may not take all of the job's time.
    """

    async def fetch(image: ClaimedImage) -> None:
        stop = Stop()
        with run.stop.calling(stop.stop):
            try:
                async with asyncio.timeout_at(run.fetch_deadline):
                    bring = partial(_bring, run, image, stop=stop)
                    fetched = await run.attempt(Step.FETCH, image, bring)
            except TimeoutError:
                run.give_up(image)
            else:
                if fetched is not None:
                    arrived.put(fetched)
            finally:
                stop.stop()  # a thread hears of no cancelling

    await gather_or_cancel(fetch(image) for image in run.claim.images)


async def _bring(run: ProductRun, image: ClaimedImage, *, stop: Stop) -> FetchedImage | None:
    """Fetch one image; None when its variants exist already.

    Either its source says that what the product shows is still right, or no source is asked.
    """
    database, source = run.resources.database, run.resources.source
    force, from_stored = run.claim.force, run.claim.from_stored
    if from_stored and not force:
        policy = policy_fingerprint(_preset(run, image))
        known = await in_thread(run.threads.io, reuse_stored, database, image, policy)
        if known is not None:
            run.finish(known)
            return None
    asked = None
    if image.current_fingerprint is not None and image.stored_key is None and not force:
        policy = policy_fingerprint(_preset(run, image))
        asked = await in_thread(run.threads.io, revalidation, database, image, policy)
    if asked is None:
        if image.stored_key is None and not (force or from_stored):
            shared = await _from_others(run, image, stop=stop)
            if shared is not None:
                return shared
        bring = partial(source.fetch, image, run.directory, stop=stop, from_stored=from_stored)
        return await _wait_for_host(run, bring)
    newer = await _wait_for_host(
        run, partial(source.fetch_newer, image, run.directory, known=asked.known, stop=stop)
    )
    if newer is None:
        run.finish(asked.unchanged)
    return newer


async def _from_others(run: ProductRun, image: ClaimedImage, *, stop: Stop) -> FetchedImage | None:
    """Wait while another job asks the image's URL; return what it has stored.

    None when there is nothing: then this job has the lead in asking, until it has recorded or ends.
    """
    flights, url, others = run.resources.url_flights, image.source_url, set[UUID]()
    run.leads(image)
    while (leader := await in_thread(run.threads.io, flights.lead, url, image.id)) is not None:
        others.add(leader)
        await asyncio.sleep(_FLIGHT_LOOK_SECONDS * random.uniform(1, 1.5))
    if not others:
        return None
    found = await in_thread(
        run.threads.io,
        original_fetched_for,
        run.resources.database,
        others,
        url,
        since=run.claim.claimed_at,
    )
    if found is None:
        return None
    await in_thread(run.threads.io, run.land, [image])
    stored = replace(image, stored_key=found.object_key)
    try:
        fetched = await in_thread(
            run.threads.fetch, run.resources.source.fetch, stored, run.directory, stop=stop
        )
    except FetchRefused:  # removed since, with another product
        return None
    return replace(fetched, image=image, validators=found.validators)


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


def _preset(run: ProductRun, image: ClaimedImage) -> Preset:
    """Return the job's preset around the image's own focal point, if it has one.

    Raises `PermanentError` for an unknown preset.
    """
    return run.resources.configuration.presets.named(run.claim.preset).around(image.focus)


@task(
    name="compress",
    task_run_name="compress · {run.label.name}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=0,
)
async def compress_images(
    run: ProductRun, arrived: Handover[FetchedImage], rendered: Handover[RenderedImage]
) -> None:
    """Make the variants of all images that have none yet, each handed over to be stored.

    A forced job makes them although they are there: the same keys get the same bytes.
    """
    resources = run.resources

    async def make(source: FetchedImage) -> RenderedImage | None:
        named = resources.configuration.presets.named(run.claim.preset)  # an unknown one fails here
        preset, database = _preset(run, source.image), resources.database
        if preset is not named:  # before anything shows it: what has no policy counts as stale
            await in_thread(run.threads.io, register_focus, database, named, preset)
        if not run.claim.force:
            fingerprint = policy_fingerprint(preset)
            known = await in_thread(run.threads.io, reuse, database, source, fingerprint)
            if known is not None:
                run.finish(known)
                return None
        return await compress(
            resources.pixels, source, run.directory, preset=preset, lane=run.claim.lane
        )

    async def compress_one(source: FetchedImage) -> None:
        image = await run.attempt(Step.COMPRESS, source.image, partial(make, source))
        if image is not None:
            rendered.put(image)

    await for_each(aiter(arrived), compress_one)


@task(
    name="store",
    task_run_name="store · {run.label.name}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=0,
)
async def store_images(run: ProductRun, rendered: Handover[RenderedImage]) -> None:
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

    await for_each(aiter(rendered), store)


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
    """Write what becomes of the images soon after it is known, at last with the job's own end.

    Each time in one transaction guarded by the claim.
    """
    while await run.wait_for_results(_TOGETHER_SECONDS):
        await _record_progress(run)
    metrics, lane = run.resources.metrics, run.claim.lane
    warn = warn_of_retry(Step.RECORD, "record", run.run_log.warning)

    def on_retry(error: TransientError, number: int, wait_seconds: float) -> None:
        metrics.note_retry(Step.RECORD, error.code)
        warn(error, number, wait_seconds)

    with metrics.timed(Step.RECORD, lane):
        recorded = await with_retries(
            Step.RECORD, lambda: in_thread(run.threads.io, _record_end, run), on_retry
        )
    metrics.note_job(lane, recorded.state)
    _tell(run, run.unrecorded)
    return recorded


async def _record_progress(run: ProductRun) -> None:
    """Write what is known while other images are being made. What fails is written later."""
    results = run.unrecorded
    try:
        done = await in_thread(
            run.threads.io, record_images, run.resources.database, run.claim, results
        )
    except ServiceUnavailable as exc:
        log.info("progress not recorded", job_id=str(run.claim.job_id), code=exc.code)
        return
    if done:
        _tell(run, results)
        run.note_images_recorded(results)
        await in_thread(run.threads.io, run.land, [result.image for result in results])


def _record_end(run: ProductRun) -> Recorded:
    database, results = run.resources.database, run.unrecorded
    if run.park_seconds is None:
        state = record(database, run.claim, results)
        again = datetime.now(UTC) + timedelta(seconds=AGAIN_SECONDS)
        recorded = Recorded(state, None if state.is_final else again)
    else:
        until = park(database, run.claim, results, seconds=run.park_seconds, counts=run.park_counts)
        recorded = Recorded(JobState.QUEUED, until)
    run.note_recorded()
    run.land(run.claim.images)
    return recorded


def _tell(run: ProductRun, results: Sequence[ImageResult]) -> None:
    run.resources.metrics.note_images(run.claim.lane, results)
    for result in results:
        if isinstance(result, ImageDone):  # a failure was told when it happened
            run.run_log.info(sentence_of(result))
