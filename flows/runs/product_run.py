"""What one run of the product flow has achieved so far, image by image.

Every image has its own outcome: an error of one is noted here and never costs another.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import structlog

from flows.runs.attempts import Attempt
from flows.runs.labels import JobLabel
from flows.runs.retries import RETRIES, Step, warn_of_retry, with_retries
from flows.runs.run_log import RunLog
from flows.runtime.resources import LaneThreads, WorkerResources
from infra.contract.errors import (
    ErrorCode,
    HostBusy,
    PermanentError,
    ProductImagesError,
    ServiceUnavailable,
    Stopped,
    TransientError,
)
from infra.fetch.transport.stop import Stop
from tasks.jobs.claim import Claim
from tasks.steps.results import ClaimedImage, ImageDone, ImageFailed, ImageResult

T = TypeVar("T")
log = structlog.get_logger(__name__)

_SHORTEST_PARK_SECONDS = 1.0  # coming back costs more than a moment
_FETCH_SHARE = 0.6  # of a job's time; what has arrived needs the rest


class ProductRun:
    """Mutable on purpose, and a plain class: Prefect does not look inside a parameter of it."""

    def __init__(self, resources: WorkerResources, attempt: Attempt, directory: Path) -> None:
        self.resources = resources
        self._attempt = attempt
        self.directory = directory
        self.stop = Stop()
        """Ends the work in threads, which a cancelled task cannot."""
        self.park_seconds: float | None = None
        """How long the job has to wait for images that a supplier wants to send later."""
        self.park_counts = False
        """Whether a supplier was asked in vain: then the attempt counts, parked or not."""
        timeout_seconds = resources.configuration.job.timeout_seconds
        self.fetch_deadline = asyncio.get_running_loop().time() + _FETCH_SHARE * timeout_seconds
        """By the event loop's clock: what has not arrived then must not hold up the others."""
        self.label = JobLabel.of(attempt.claim)
        self.run_log = RunLog.of(attempt.claim)
        self._results: dict[int, ImageResult] = {}
        self._recorded: set[int] = set()
        self._leads: set[UUID] = set()
        self._news = asyncio.Event()
        self._all_made = asyncio.Event()

    @property
    def attempted(self) -> Attempt:
        """The attempt that this run makes."""
        return self._attempt

    @property
    def threads(self) -> LaneThreads:
        """The threads of the job's lane."""
        return self.resources.threads[self.claim.lane]

    @property
    def claim(self) -> Claim:
        """What this attempt is allowed to write."""
        return self._attempt.claim

    @property
    def results(self) -> Sequence[ImageResult]:
        """What is decided so far, in the order of the images."""
        return [self._results[position] for position in sorted(self._results)]

    @property
    def unrecorded(self) -> Sequence[ImageResult]:
        """What is decided and not yet known to be written."""
        return [each for each in self.results if each.image.position not in self._recorded]

    def finish(self, result: ImageDone) -> None:
        """Note that an image ended ready."""
        self._decide(result)

    def leads(self, image: ClaimedImage) -> None:
        """Note that this attempt asks the image's URL for all jobs."""
        self._leads.add(image.id)

    def land(self, images: Sequence[ClaimedImage]) -> None:
        """Let other jobs ask the URLs of these images. Blocks for a request to Redis each."""
        for image in images:
            if image.id in self._leads:
                self._leads.discard(image.id)
                self.resources.url_flights.land(image.source_url, image.id)

    def land_soon(self) -> None:
        """Do the same for all of them, in a thread, at the end of the attempt."""
        if self._leads:
            with suppress(RuntimeError):  # the process ends: what it asked for is free in seconds
                self.threads.io.submit(self.land, self.claim.images)

    def close(self) -> None:
        """Note that all is decided that this attempt will decide."""
        self._all_made.set()
        self._news.set()

    async def has_news(self) -> None:
        """Wait until there is something to record."""
        await self._news.wait()

    async def wait_for_results(self, together_seconds: float) -> bool:
        """Wait for results to record; return False when they are the last.

        Those that come within `together_seconds` after the first belong together.
        """
        await self._news.wait()
        self._news.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(together_seconds):
                await self._all_made.wait()
        return not self._all_made.is_set()

    def note_images_recorded(self, results: Sequence[ImageResult]) -> None:
        """Note that these results were committed."""
        self._recorded.update(result.image.position for result in results)

    def give_up(self, image: ClaimedImage) -> None:
        """Note that an image took too long to arrive; trying again may help."""
        detail = "The image did not arrive in the time that its job has. Retrying may help."
        self._fail(image, TransientError(ErrorCode.JOB_TIMEOUT, detail))

    def note_recorded(self) -> None:
        """Note, in whichever thread, that the outcome was committed."""
        self._attempt.recorded = True

    async def attempt(
        self, step: Step, image: ClaimedImage, work: Callable[[], Awaitable[T]]
    ) -> T | None:
        """Do one step of one image with retries; note its failure and return None.

        An outage of our own parts is not the image's fault: it is raised. An image that has
        to wait for long gets no result now; the job is parked for it.
        """
        failures: list[TransientError] = []
        warn = warn_of_retry(step, f"{step} of image {image.position}", self.run_log.warning)

        metrics = self.resources.metrics

        def on_retry(error: TransientError, number: int, wait_seconds: float) -> None:
            failures.append(error)
            metrics.note_retry(step, error.code)
            warn(error, number, wait_seconds)

        try:
            with metrics.timed(step, self.claim.lane):
                return await with_retries(step, work, on_retry)
        except (ServiceUnavailable, Stopped):
            raise
        except HostBusy as exc:
            self._queue(image, exc, failures)
        except TransientError as exc:
            if not self._postpone(step, image, exc):
                self._fail(image, exc)
        except PermanentError as exc:
            self._fail(image, exc)
        return None

    def _postpone(self, step: Step, image: ClaimedImage, error: TransientError) -> bool:
        """Park the job when the other side named a delay that is worth waiting for."""
        settings = self.resources.configuration.job
        seconds = error.retry_after_seconds or 0
        is_long = RETRIES[step].longest_wait_seconds < seconds <= settings.longest_park_seconds
        if not is_long or self.claim.attempt >= settings.max_attempts:
            return False
        self.park_seconds = max(self.park_seconds or 0, seconds)
        self.park_counts = True
        self.run_log.warning(
            f"Image {image.position} waits for {seconds:.0f} s: {error.detail} ({error.code})"
        )
        return True

    def _queue(
        self, image: ClaimedImage, error: HostBusy, failures: Sequence[TransientError]
    ) -> None:
        """Park the job until its turn; it counts only when the host was asked in vain before."""
        settings = self.resources.configuration.job
        if failures and self.claim.attempt >= settings.max_attempts:
            self._fail(image, failures[-1])
            return
        wanted = max(error.retry_after_seconds or 0, _SHORTEST_PARK_SECONDS)
        seconds = min(wanted, settings.longest_park_seconds)
        self.park_seconds = max(self.park_seconds or 0, seconds)
        self.park_counts = self.park_counts or bool(failures)
        self.run_log.info(
            f"Image {image.position} waits for its turn, {seconds:.0f} s: {error.detail}"
        )

    def _fail(self, image: ClaimedImage, error: ProductImagesError) -> None:
        self._decide(ImageFailed.because(image, error))
        self.run_log.warning(f"Image {image.position} failed: {error.detail} ({error.code})")
        log.info(
            "image failed",
            job_id=str(self.claim.job_id),
            position=image.position,
            code=error.code,
        )

    def _decide(self, result: ImageResult) -> None:
        self._results[result.image.position] = result
        self._news.set()
