"""The four steps as Prefect tasks: one task run per step and product, images side by side.

One task run per image and step would cost the Prefect server more CPU than the pixels.
Nothing is cached or persisted by Prefect: image bytes must never be hashed or stored there.
"""

import asyncio
from collections.abc import Sequence
from functools import partial

from prefect import task
from prefect.cache_policies import NO_CACHE

from flows.product_run import ProductRun
from flows.retries import Step, warn_of_retry, with_retries
from flows.workshop import in_thread
from infra.states import JobState
from tasks.claim import ClaimedImage
from tasks.compress import RenderedImage, compress
from tasks.imaging.fingerprint import policy_fingerprint
from tasks.imaging.preset import preset_named
from tasks.record import record
from tasks.result import FetchedImage, ImageDone
from tasks.reuse import reuse
from tasks.store import finish, store_original, store_variant


@task(name="fetch", cache_policy=NO_CACHE, persist_result=False, retries=0)
async def fetch_images(run: ProductRun) -> list[FetchedImage]:
    """Bring all images into local files; return those that arrived."""
    shop = run.workshop

    async def fetch(image: ClaimedImage) -> FetchedImage | None:
        return await run.attempt(
            Step.FETCH,
            image,
            lambda: in_thread(shop.fetch_threads, shop.source.fetch, image, run.directory),
        )

    arrived = await asyncio.gather(*(fetch(image) for image in run.claim.images))
    return [fetched for fetched in arrived if fetched is not None]


@task(name="compress", cache_policy=NO_CACHE, persist_result=False, retries=0)
async def compress_images(run: ProductRun, fetched: Sequence[FetchedImage]) -> list[RenderedImage]:
    """Make the variants of all images that have none yet; return what has to be stored."""
    preset = preset_named(run.claim.preset)
    fingerprint = policy_fingerprint(preset)

    async def make(source: FetchedImage) -> RenderedImage | None:
        known = await in_thread(
            run.workshop.io_threads, reuse, run.workshop.database, source, fingerprint
        )
        if known is not None:
            run.finish(known)
            return None
        return await run.attempt(
            Step.COMPRESS,
            source.image,
            lambda: compress(run.workshop.pixels, source, run.directory, preset=preset),
        )

    rendered = await asyncio.gather(*(make(source) for source in fetched))
    return [image for image in rendered if image is not None]


@task(name="store", cache_policy=NO_CACHE, persist_result=False, retries=0)
async def store_images(run: ProductRun, rendered: Sequence[RenderedImage]) -> None:
    """Put originals and variants into the object store, verified."""
    shop = run.workshop

    async def put(image: RenderedImage) -> ImageDone:
        original = await in_thread(shop.io_threads, store_original, shop.store, image)
        files = image.rendition.variants
        variants = await asyncio.gather(
            *(
                in_thread(shop.io_threads, store_variant, shop.store, image.rendition, file)
                for file in files
            )
        )
        return finish(image, original, variants)

    async def store(image: RenderedImage) -> ImageDone | None:
        return await run.attempt(Step.STORE, image.fetched.image, partial(put, image))

    for done in await asyncio.gather(*(store(image) for image in rendered)):
        if done is not None:
            run.finish(done)


@task(name="record", cache_policy=NO_CACHE, persist_result=False, retries=0)
async def record_results(run: ProductRun) -> JobState:
    """Write what became of every image, in one transaction guarded by the claim."""
    shop = run.workshop
    return await with_retries(
        Step.RECORD,
        lambda: in_thread(shop.io_threads, record, shop.database, run.claim, run.results),
        warn_of_retry(Step.RECORD, "record"),
    )
