"""The variants of an image with a focal point are made around it, under a policy that is known."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest
from prefect.logging import disable_run_logger
from sqlalchemy import select

from flows.product_tasks import compress_images
from flows.runs.attempts import Attempt
from flows.runs.product_run import ProductRun
from flows.runtime.gathering import Handover
from flows.runtime.resources import WorkerResources
from infra.contract.errors import ErrorCode, ImageRefused
from infra.db.engine import Database
from infra.db.models.policies import Policy
from infra.settings.sections import DatabaseSettings
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.imaging.presets.fingerprint import policy_fingerprint, policy_revision
from tasks.imaging.presets.model import Preset
from tasks.products.edit_images import ImageFields, change_image
from tasks.steps.compress import RenderedImage
from tasks.steps.results import FetchedImage
from tasks.submission.submit import Submission, submit
from tests.integration.tasks.job_rows import claimed, url
from tests.unit.flows.support.fakes import worker_configuration

PRESETS = packaged_presets()
POINT = (0.25, 1.0)


class _Noting:
    """Pixel processes that note the presets they are given, and make nothing."""

    def __init__(self) -> None:
        self.presets: list[Preset] = []

    def expect_interactive(self) -> None:
        pass

    async def render(self, _source: Path, _into: Path, preset: Preset, **_: Any) -> None:
        self.presets.append(preset)
        raise ImageRefused(ErrorCode.CORRUPT, "Nothing is made here.")


def presets_used(database: Database, folder: Path, *, preset: str) -> list[Preset]:
    """Have the second of two images, which has a focal point, and the first one made."""
    job = submit(database, Submission(preset, urls=(url("a"), url("b"))))
    fields = ImageFields(frozenset({"focus"}), focus=POINT)
    change_image(database, job.product_id, job.images[1].id, fields=fields, presets=PRESETS)
    mine, pixels = claimed(database, job.job_id), _Noting()
    resources = WorkerResources(
        worker_configuration(DatabaseSettings(url="postgresql://database.example/none")),
        database=database,
        store=cast(Any, None),
        source=cast(Any, None),
        pixels=cast(Any, pixels),
    )

    async def compress() -> None:
        arrived: Handover[FetchedImage] = Handover()
        for image in mine.images:
            arrived.put(FetchedImage(image, folder, "a" * 64, 1))
        arrived.close()
        rendered: Handover[RenderedImage] = Handover()
        await compress_images.fn(ProductRun(resources, Attempt(mine), folder), arrived, rendered)

    try:
        with disable_run_logger():
            asyncio.run(compress())
    finally:
        resources.close()
    return sorted(pixels.presets, key=lambda used: used.focus != POINT, reverse=True)


def test_what_is_cropped_is_cropped_around_the_point_of_its_image(
    database: Database, tmp_path: Path
) -> None:
    preset = PRESETS.named("thumbnail")
    focused = preset.around(POINT)

    assert presets_used(database, tmp_path, preset="thumbnail") == [preset, focused]

    with database.transaction() as session:
        known = select(Policy).where(Policy.fingerprint == policy_fingerprint(focused))
        policy = session.scalars(known).one()
    assert (policy.preset, policy.revision) == ("thumbnail", policy_revision(preset))


@pytest.mark.parametrize("preset", ["web", "marketplace"])
def test_what_shows_the_whole_image_is_made_as_without_a_point(
    database: Database, tmp_path: Path, preset: str
) -> None:
    assert presets_used(database, tmp_path, preset=preset) == [PRESETS.named(preset)] * 2
