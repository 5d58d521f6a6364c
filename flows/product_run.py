"""What one run of the product flow has achieved so far, image by image.

Every image has its own outcome: an error of one is noted here and never costs another.
"""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

import structlog
from prefect.logging import get_run_logger

from flows.retries import Step, warn_of_retry, with_retries
from flows.workshop import Workshop
from infra.errors import PermanentError, ProductImagesError, ServiceUnavailable, TransientError
from tasks.claim import Claim, ClaimedImage
from tasks.result import ImageDone, ImageFailed, ImageResult

T = TypeVar("T")
log = structlog.get_logger(__name__)


class ProductRun:
    """Mutable on purpose, and a plain class: Prefect does not look inside a parameter of it."""

    def __init__(self, workshop: Workshop, claim: Claim, directory: Path) -> None:
        self.workshop = workshop
        self.claim = claim
        self.directory = directory
        self._results: dict[int, ImageResult] = {}

    @property
    def results(self) -> Sequence[ImageResult]:
        """What is decided so far, in the order of the images."""
        return [self._results[position] for position in sorted(self._results)]

    def finish(self, result: ImageDone) -> None:
        """Note that an image ended ready."""
        self._results[result.image.position] = result

    async def attempt(
        self, step: Step, image: ClaimedImage, work: Callable[[], Awaitable[T]]
    ) -> T | None:
        """Do one step of one image with retries; note its failure and return None.

        An outage of our own parts is not the image's fault: it is raised.
        """
        try:
            subject = f"{step} of image {image.position}"
            return await with_retries(step, work, warn_of_retry(step, subject))
        except ServiceUnavailable:
            raise
        except (PermanentError, TransientError) as exc:
            self._fail(image, exc)
            get_run_logger().warning(
                "Image %d failed: %s (%s)", image.position, exc.detail, exc.code
            )
            return None

    def _fail(self, image: ClaimedImage, error: ProductImagesError) -> None:
        self._results[image.position] = ImageFailed.because(image, error)
        log.info(
            "image failed",
            job_id=str(self.claim.job_id),
            position=image.position,
            code=error.code,
        )
