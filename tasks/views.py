"""Read models: what a caller is shown of jobs, images and variants. No rows leave tasks/."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from infra.contract.states import ImageState, JobState, Lane, Outcome, ProductState, WaitReason
from tasks.imaging.models import PageFacts


@dataclass(frozen=True, slots=True)
class ErrorView:
    """Why an image failed."""

    code: str
    detail: str
    retryable: bool

    @classmethod
    def of(
        cls, code: str | None, detail: str | None, *, retryable: bool | None
    ) -> "ErrorView | None":
        """Show the columns of a row; None where nothing failed."""
        return None if code is None else cls(code, detail or "", bool(retryable))


@dataclass(frozen=True, slots=True)
class VariantView:
    """A stored variant; sizes in pixels and bytes, `frames` is 1 for a still image."""

    name: str
    object_key: str
    format: str
    width: int
    height: int
    bytes: int
    quality: int | None
    score: float | None
    frames: int = 1


@dataclass(frozen=True, slots=True)
class ImageView:
    """An image within a job or a product; `page` once its variants were made."""

    id: UUID
    position: int
    source_url: str
    source_bytes: int | None
    state: ImageState
    outcome: Outcome | None
    error: ErrorView | None
    page: PageFacts | None
    variants: tuple[VariantView, ...]
    alt: str | None = None
    focus: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class JobSummary:
    """A job in a list."""

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


@dataclass(frozen=True, slots=True)
class JobView:
    """A job with its images in the order given."""

    summary: JobSummary
    metadata: dict[str, Any]
    error: ErrorView | None
    images: tuple[ImageView, ...]
    waiting_for: WaitReason | None = None

    @property
    def done(self) -> int:
        """Return how many images are ready or failed."""
        return sum(image.state in (ImageState.READY, ImageState.FAILED) for image in self.images)


@dataclass(frozen=True, slots=True)
class ProductHead:
    """A product as lists show it; `updated_at` is its version."""

    id: UUID
    sku: str | None
    name: str | None
    description: str | None
    price: Decimal | None
    currency: str | None
    owner_id: str | None
    state: ProductState
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ShownImage:
    """The image that stands for a product in a gallery; its variants are never empty."""

    alt: str | None
    page: PageFacts | None
    variants: tuple[VariantView, ...]


@dataclass(frozen=True, slots=True)
class ListedProduct:
    """A product in a list, with how many of its images are in each state."""

    head: ProductHead
    image_counts: Mapping[ImageState, int]
    shown: ShownImage | None


@dataclass(frozen=True, slots=True)
class ProductView:
    """A product with its images in their order."""

    head: ProductHead
    images: tuple[ImageView, ...]
