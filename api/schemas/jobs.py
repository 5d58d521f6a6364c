"""What callers get, in the shapes of the HTTP contract."""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from infra.contract.object_keys import asset_url
from infra.contract.states import ImageState, JobState, Lane, Outcome, WaitReason
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.web.picture_markup import Linked, picture_markup
from tasks.imaging.web.placeholder import placeholder
from tasks.submission.submit import Submitted
from tasks.views import ErrorView, ImageView, JobSummary, JobView, VariantView

FOCUS_STEPS = 20
"""How fine focal points are, along each side: a finer one would give no other crop to the eye."""


class AcceptedImage(BaseModel):
    """An image of an accepted job."""

    id: UUID
    position: int
    source_url: str
    state: ImageState


class Accepted(BaseModel):
    """The answer to `POST /process-image`."""

    job_id: UUID
    product_id: UUID
    state: JobState
    images: list[AcceptedImage]
    status_url: str

    @classmethod
    def of(cls, submitted: Submitted) -> "Accepted":
        """Show a submitted job."""
        return cls(
            job_id=submitted.job_id,
            product_id=submitted.product_id,
            state=submitted.state,
            images=[
                AcceptedImage.model_validate(image, from_attributes=True)
                for image in submitted.images
            ],
            status_url=f"/jobs/{submitted.job_id}",
        )


class Failure(BaseModel):
    """Why something failed; `retryable` says whether a retry can help."""

    code: str
    detail: str
    retryable: bool

    @classmethod
    def of(cls, error: ErrorView | None) -> "Failure | None":
        """Show an error, if there is one."""
        return None if error is None else cls.model_validate(error, from_attributes=True)


class Variant(BaseModel):
    """A stored variant; sizes in pixels and bytes, `frames` is 1 for a still image."""

    name: str
    url: str
    format: str
    width: int
    height: int
    bytes: int
    quality: int | None
    score: float | None
    frames: int

    @classmethod
    def of(cls, variant: VariantView, assets: str) -> "Variant":
        """Show a variant under the base URL `assets`."""
        own = {name: getattr(variant, name) for name in cls.model_fields if name != "url"}
        return cls(url=asset_url(assets, variant.object_key), **own)

    @property
    def linked(self) -> Linked:
        """The variant as ready-made markup needs it."""
        own = self.model_dump(exclude={"format", "quality", "score"})
        return Linked(format=ImageFormat(self.format), **own)


class Image(BaseModel):
    """An image within a job or a product; `source_bytes` once it was fetched."""

    id: UUID
    position: int
    source_url: str
    source_bytes: int | None
    state: ImageState
    outcome: Outcome | None
    error: Failure | None
    variants: list[Variant]

    @classmethod
    def of(cls, image: ImageView, assets: str) -> "Image":
        """Show an image with its variants under the base URL `assets`."""
        return cls(**cls._told(image, assets))

    @classmethod
    def _told(cls, image: ImageView, assets: str) -> dict[str, Any]:
        own = set(Image.model_fields) - {"error", "variants"}
        variants = [Variant.of(variant, assets) for variant in image.variants]
        told = {name: getattr(image, name) for name in own}
        return {**told, "error": Failure.of(image.error), "variants": variants}


class Focus(BaseModel):
    """The focal point around which `cover` crops, from (0, 0) at the top left to (1, 1)."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"x": 0.5, "y": 0.2}]}
    )

    x: float = Field(ge=0, le=1)
    y: float = Field(ge=0, le=1)

    @property
    def point(self) -> tuple[float, float]:
        """The point on the grid on which focal points are kept, so that equal ones are found."""
        return round(self.x * FOCUS_STEPS) / FOCUS_STEPS, round(self.y * FOCUS_STEPS) / FOCUS_STEPS


class ProductImage(Image):
    """An image of a product, with what a web page needs besides its variants.

    `dominant_colour` is "#rrggbb"; `thumbhash` is a ThumbHash in base64, `placeholder` the same as
    a small `data:` URI; `phash` is a perceptual hash of 64 bits, in hexadecimal. `picture` is a
    ready-made `<picture>` element of the variants with the image's `alt`; `focus` is its own focal
    point. All but `alt` and `focus` are null until the image was made.
    """

    alt: str | None
    focus: Focus | None
    dominant_colour: str | None
    thumbhash: str | None
    placeholder: str | None
    phash: str | None
    picture: str | None

    @classmethod
    def of(cls, image: ImageView, assets: str) -> "ProductImage":
        """Show an image with its variants under the base URL `assets`."""
        told = cls._told(image, assets)
        linked = [variant.linked for variant in told["variants"]]
        page = image.page
        facts: dict[str, Any] = dict.fromkeys(
            ("dominant_colour", "thumbhash", "phash", "placeholder")
        )
        if page is not None:
            facts = {**asdict(page), "placeholder": placeholder(page.thumbhash)}
        picture = picture_markup(linked, alt=image.alt or "", page=page) if linked else None
        focus = None if image.focus is None else Focus(x=image.focus[0], y=image.focus[1])
        return cls(**told, **facts, alt=image.alt, focus=focus, picture=picture)


class JobHead(BaseModel):
    """A job as lists show it."""

    id: UUID
    state: JobState
    lane: Lane
    attempts: int
    flow_run_id: UUID | None
    product_id: UUID
    sku: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, summary: JobSummary) -> "JobHead":
        """Show a job without its images."""
        return cls.model_validate(summary, from_attributes=True)


class Progress(BaseModel):
    """How many images of a job have ended, and how many there are."""

    done: int
    total: int


class Job(JobHead):
    """A job with its images in the order given."""

    progress: Progress
    metadata: dict[str, Any]
    error: Failure | None
    waiting_for: WaitReason | None = Field(
        None, description="what a queued job waits for; null while it waits for its turn only"
    )
    images: list[Image]

    @classmethod
    def full(cls, job: JobView, assets: str) -> "Job":
        """Show a job with variants under the base URL `assets`."""
        return cls(
            **dict(JobHead.of(job.summary)),
            progress=Progress(done=job.done, total=len(job.images)),
            metadata=job.metadata,
            error=Failure.of(job.error),
            waiting_for=job.waiting_for,
            images=[Image.of(image, assets) for image in job.images],
        )


class JobPage(BaseModel):
    """One page of jobs, newest first; `next` is the query of the following page."""

    jobs: list[JobHead]
    next: str | None


class Dependency(BaseModel):
    """Whether a part answers, and how fast."""

    ok: bool
    latency_ms: float
    detail: str | None


class Readiness(BaseModel):
    """`ready`: all parts answer; `degraded`: jobs are accepted but wait; else `unavailable`."""

    status: str
    dependencies: dict[str, Dependency]


class BriefReadiness(BaseModel):
    """What callers without a key see: `ready` when jobs are accepted, else `unavailable`."""

    status: str
