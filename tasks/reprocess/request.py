"""The request for reprocessing: one form for API, command line and Prefect.

It must not know HTTP, nor Prefect.
"""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from infra.db.storable import MAX_SKU_CHARACTERS, Moment, Sku, Storable
from tasks.reprocess.selector import Selector

_MAX_ENTRIES = 10_000
_MOMENTS = ("created_since", "created_until", "updated_since", "updated_until")

Word = Annotated[str, StringConstraints(min_length=1, max_length=60), Storable]
Prefix = Annotated[str, StringConstraints(min_length=1, max_length=MAX_SKU_CHARACTERS), Storable]
Host = Annotated[str, StringConstraints(min_length=1, max_length=255, to_lower=True), Storable]


class ReprocessRequest(BaseModel):
    """Which images are regenerated; all conditions that are set must hold."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"dry_run": True}, {"preset": "web"}]}
    )

    stale: bool = Field(default=True, description="only stale images")
    preset: Word | None = Field(default=None, description="only images of this preset")
    to_preset: Word | None = Field(default=None, description="switch them to this preset")
    skus: list[Sku] = Field(
        default_factory=list, max_length=_MAX_ENTRIES, description="only these products"
    )
    sku_prefix: Prefix | None = Field(
        default=None, description="only products whose SKU has this prefix"
    )
    host: Host | None = Field(default=None, description="only images from this host, without port")
    created_since: Moment | None = Field(
        default=None, description="only images fetched since this time"
    )
    created_until: Moment | None = Field(
        default=None, description="only images fetched before this time"
    )
    updated_since: Moment | None = Field(
        default=None, description="only images changed since this time"
    )
    updated_until: Moment | None = Field(
        default=None, description="only images changed before this time"
    )
    failed_with: Word | None = Field(
        default=None, description="only images that failed with this code"
    )
    image_ids: list[UUID] = Field(
        default_factory=list, max_length=_MAX_ENTRIES, description="only these images"
    )
    product_ids: list[UUID] = Field(
        default_factory=list, max_length=_MAX_ENTRIES, description="only these products"
    )
    force: bool = Field(default=False, description="encode again even when nothing differs")
    refetch: bool = Field(
        default=False, description="fetch the sources again instead of using stored originals"
    )
    limit: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = Field(
        default=None, description="images to regenerate at most; the last product is completed"
    )
    dry_run: bool = Field(default=False, description="only count; change nothing")

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
