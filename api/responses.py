"""What callers get, in the shapes of the HTTP contract."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from infra.objectkeys import asset_url
from infra.states import ImageState, JobState, Lane, Outcome
from tasks.submit import Submitted
from tasks.view import ErrorView, ImageView, JobSummary, JobView, ProductView, VariantView


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
                AcceptedImage(
                    id=image.id,
                    position=image.position,
                    source_url=image.source_url,
                    state=image.state,
                )
                for image in submitted.images
            ],
            status_url=f"/jobs/{submitted.job_id}",
        )


class Failure(BaseModel):
    """Why something failed; `retryable` says whether trying again may help."""

    code: str
    detail: str
    retryable: bool

    @classmethod
    def of(cls, error: ErrorView | None) -> "Failure | None":
        """Show an error, if there is one."""
        if error is None:
            return None
        return cls(code=error.code, detail=error.detail, retryable=error.retryable)


class Variant(BaseModel):
    """A stored variant; sizes in pixels and bytes."""

    name: str
    url: str
    format: str
    width: int
    height: int
    bytes: int
    quality: int | None
    score: float | None

    @classmethod
    def of(cls, variant: VariantView, assets: str) -> "Variant":
        """Show a variant under the base URL `assets`."""
        return cls(
            name=variant.name,
            url=asset_url(assets, variant.object_key),
            format=variant.format,
            width=variant.width,
            height=variant.height,
            bytes=variant.bytes,
            quality=variant.quality,
            score=variant.score,
        )


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
        return cls(
            id=image.id,
            position=image.position,
            source_url=image.source_url,
            source_bytes=image.source_bytes,
            state=image.state,
            outcome=image.outcome,
            error=Failure.of(image.error),
            variants=[Variant.of(variant, assets) for variant in image.variants],
        )


class JobHead(BaseModel):
    """A job as it stands in a list."""

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
        return cls(**_head(summary))


class Job(JobHead):
    """A job with its images in the order given."""

    metadata: dict[str, Any]
    error: Failure | None
    images: list[Image]

    @classmethod
    def full(cls, job: JobView, assets: str) -> "Job":
        """Show a job with variants under the base URL `assets`."""
        return cls(
            **_head(job.summary),
            metadata=job.metadata,
            error=Failure.of(job.error),
            images=[Image.of(image, assets) for image in job.images],
        )


def _head(summary: JobSummary) -> dict[str, Any]:
    return {name: getattr(summary, name) for name in JobHead.model_fields}


class JobPage(BaseModel):
    """One page of jobs, newest first; `next` is the query of the following page."""

    jobs: list[JobHead]
    next: str | None


class Product(BaseModel):
    """A product as it is now."""

    id: UUID
    sku: str | None
    images: list[Image]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, product: ProductView, assets: str) -> "Product":
        """Show a product with variants under the base URL `assets`."""
        return cls(
            id=product.id,
            sku=product.sku,
            images=[Image.of(image, assets) for image in product.images],
            created_at=product.created_at,
            updated_at=product.updated_at,
        )


class Dependency(BaseModel):
    """Whether a part answers, and how fast."""

    ok: bool
    latency_ms: float
    detail: str | None


class Readiness(BaseModel):
    """`ready`: all parts answer; `degraded`: jobs are accepted but wait; else `unavailable`."""

    status: str
    dependencies: dict[str, Dependency]
