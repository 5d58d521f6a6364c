"""What callers send to and get from `POST /reprocess`."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from api.query import Moment, Sku, Storable
from infra.storable import MAX_SKU_CHARACTERS
from tasks.reprocess.estimate import Estimate
from tasks.reprocess.selector import Selector
from tasks.reprocess.start import Started

_MAX_ENTRIES = 10_000
_MOMENTS = ("created_since", "created_until", "updated_since", "updated_until")

Word = Annotated[str, StringConstraints(min_length=1, max_length=60), Storable]
Host = Annotated[str, StringConstraints(min_length=1, max_length=255, to_lower=True), Storable]


class ReprocessRequest(BaseModel):
    """Which images are made again; every condition that is set must hold."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"dry_run": True}, {"preset": "web"}]}
    )

    stale: bool = Field(default=True, description="only what differs from its preset's target")
    preset: Word | None = Field(None, description="only images that are shown in this preset")
    to_preset: Word | None = Field(None, description="make them in this preset instead")
    skus: list[Sku] = Field(default_factory=list, max_length=_MAX_ENTRIES)
    sku_prefix: Annotated[str, Field(max_length=MAX_SKU_CHARACTERS), Storable] | None = Field(
        None, min_length=1, description="only products whose sku begins so"
    )
    host: Host | None = Field(None, description="only images of this supplier, without port")
    created_since: Moment | None = None
    created_until: Moment | None = None
    updated_since: Moment | None = Field(None, description="by the image's last change")
    updated_until: Moment | None = None
    failed_with: Word | None = Field(None, description="only images that failed with this code")
    image_ids: list[UUID] = Field(default_factory=list, max_length=_MAX_ENTRIES)
    product_ids: list[UUID] = Field(default_factory=list, max_length=_MAX_ENTRIES)
    force: bool = Field(default=False, description="encode again although nothing differs")
    refetch: bool = Field(
        default=False, description="ask the suppliers instead of using what is stored"
    )
    limit: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = Field(
        None, description="so many images at most; the last product is made whole"
    )
    dry_run: bool = Field(default=False, description="only count; touches nothing")

    @model_validator(mode="after")
    def _moments_make_sense(self) -> "ReprocessRequest":
        for name in _MOMENTS:
            moment = getattr(self, name)
            if moment is not None and moment.tzinfo is None:
                raise ValueError(f"{name} has no time zone; add Z for UTC")
        for what in ("created", "updated"):
            since, until = getattr(self, f"{what}_since"), getattr(self, f"{what}_until")
            if since is not None and until is not None and since >= until:
                raise ValueError(f"{what}_since must lie before {what}_until")
        return self

    def selector(self) -> Selector:
        """Return what is selected."""
        return Selector.of(self.model_dump(exclude={"dry_run"}))


class ReprocessEstimate(BaseModel):
    """What a selection comes to: upper bounds, as equal pictures are made once.

    `without_original` images match but have nothing stored; `refetch` would ask for them.
    """

    products: int
    images: int
    variants: int
    bytes: int
    estimated_cpu_seconds: float
    without_original: int

    @classmethod
    def of(cls, estimate: Estimate) -> "ReprocessEstimate":
        """Show an estimate."""
        return cls(**_figures(estimate))


class ReprocessStarted(ReprocessEstimate):
    """The batch that makes the selection; null when nothing had to be made."""

    batch_id: UUID | None
    status_url: str | None

    @classmethod
    def started(cls, started: Started) -> "ReprocessStarted":
        """Show a batch that was started, or that nothing was."""
        identity = started.batch_id
        url = None if identity is None else f"/batches/{identity}"
        return cls(batch_id=identity, status_url=url, **_figures(started.estimate))


def _figures(estimate: Estimate) -> dict[str, Any]:
    return {
        "products": estimate.products,
        "images": estimate.images,
        "variants": estimate.variants,
        "bytes": estimate.bytes,
        "estimated_cpu_seconds": estimate.estimated_cpu_seconds,
        "without_original": estimate.without_original,
    }
