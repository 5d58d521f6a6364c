"""A job whose preset this worker does not know fails image by image, with a code that says so."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from prefect.logging import disable_run_logger

from flows.product_tasks import compress_images
from flows.runs.attempts import Attempt
from flows.runs.product_run import ProductRun
from flows.runtime.gathering import Handover
from infra.contract.errors import ErrorCode
from infra.contract.states import Lane
from tasks.jobs.claim import Claim
from tasks.steps.compress import RenderedImage
from tasks.steps.results import FetchedImage, ImageFailed
from tests.unit.flows.support.claims import JOB_ID, PRODUCT_ID, image_at
from tests.unit.flows.support.fakes import fake_resources

CLAIM = Claim(
    job_id=JOB_ID,
    fencing_token=1,
    attempt=1,
    product_id=PRODUCT_ID,
    sku=None,
    preset="poster",
    lane=Lane.INTERACTIVE,
    flow_run_id=None,
    round=0,
    claimed_at=datetime.now(UTC),
    images=(image_at(0), image_at(1)),
)


def test_every_image_fails_with_the_code_of_an_unknown_preset(tmp_path: Path) -> None:
    async def compress() -> tuple[bool, ProductRun]:
        with fake_resources() as resources:
            run = ProductRun(resources, Attempt(CLAIM), tmp_path)
            arrived: Handover[FetchedImage] = Handover()
            rendered: Handover[RenderedImage] = Handover()
            for image in CLAIM.images:
                arrived.put(FetchedImage(image, tmp_path, "a" * 64, 1))
            arrived.close()
            await compress_images.fn(run, arrived, rendered)
            rendered.close()
            return await rendered.begins(), run

    with disable_run_logger():
        has_rendered, run = asyncio.run(compress())

    assert not has_rendered
    assert [type(result) for result in run.results] == [ImageFailed, ImageFailed]
    assert {result.code for result in run.results if isinstance(result, ImageFailed)} == {
        ErrorCode.UNKNOWN_PRESET
    }
