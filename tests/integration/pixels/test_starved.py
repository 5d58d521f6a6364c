"""A picture for which the machine has no time goes back to the queue with its job."""

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger

from flows.runs.attempts import Attempt
from flows.runs.product_run import ProductRun
from flows.runs.retries import Step
from infra.contract.states import Lane
from infra.settings.sections import JobSettings, PixelSettings
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.pixels.pool import PixelPool
from tasks.steps.compress import RenderedImage, compress
from tasks.steps.results import FetchedImage, ImageFailed
from tests.pictures import SAMPLE
from tests.unit.flows.support.claims import claim_of
from tests.unit.flows.support.fakes import fake_resources

LAST = JobSettings().max_attempts


@pytest.mark.parametrize("attempt", [1, LAST])
def test_a_starved_picture_has_its_job_parked_until_the_last_attempt(
    tmp_path: Path, attempt: int
) -> None:
    claim = replace(claim_of(1), attempt=attempt)
    source = FetchedImage(claim.images[0], SAMPLE, "a" * 64, 1)

    async def run_in(pool: PixelPool) -> ProductRun:
        with fake_resources() as resources:
            run = ProductRun(resources, Attempt(claim), tmp_path)

            async def work() -> RenderedImage:
                web = packaged_presets().named("web")
                return await compress(pool, source, tmp_path, preset=web, lane=Lane.INTERACTIVE)

            assert await run.attempt(Step.COMPRESS, source.image, work) is None
            return run

    with PixelPool(PixelSettings(processes=1, wall_seconds=1)) as pool, disable_run_logger():
        os.kill(pool.submit(os.getpid).result(), signal.SIGSTOP)  # as a machine without time does
        run = asyncio.run(run_in(pool))

    if attempt < LAST:
        assert (run.results, run.park_seconds, run.park_counts) == ([], 60, True)
    else:
        (failure,) = run.results
        assert isinstance(failure, ImageFailed)
        assert (failure.code, failure.retryable) == ("decoder_crashed", True)
        assert run.park_seconds is None
