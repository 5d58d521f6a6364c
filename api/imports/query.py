"""What callers may say about an imported file: how it is taken, and how its columns are read."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from api.imports.columns import FileRules, parse_mapping
from api.imports.pictures import parse_pattern
from api.imports.profiles import ProfileName
from api.schemas.product_requests import Currency
from api.schemas.submissions import UrlRules
from infra.db.storable import LineText, StorableText
from tasks.imports.mappings import MappingView
from tasks.imports.row import ImportPolicy


class ColumnPolicy(StrEnum):
    """What becomes of a file with columns that are not known."""

    IGNORE = "ignore"
    STRICT = "strict"


def _one_or_several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class Reading(BaseModel):
    """How the columns of a file are read; what is not said is recognised in the file."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"map": ["Art.-Nr.:sku,Bild 1:image_urls,Bild 2:image_urls"], "currency": "EUR"}
            ]
        },
    )

    profile: ProfileName | None = Field(
        None,
        description="whose columns they are; by default recognised in the header, none for our own",
    )
    map: Annotated[list[StorableText], BeforeValidator(_one_or_several)] = Field(
        default_factory=list,
        max_length=100,
        description="our field for a column, like Image Src:image_urls,Variant SKU:sku",
    )
    columns: ColumnPolicy = Field(
        ColumnPolicy.IGNORE, description="what becomes of a file with unknown columns"
    )
    base_url: StorableText | None = Field(
        None, description="where addresses of images begin that are no whole URLs"
    )
    currency: Currency | None = Field(None, description="of prices that name none, in ISO 4217")
    pattern: StorableText | None = Field(
        None, description="how the pictures of a ZIP archive are named, like {sku}_{n}.jpg"
    )

    def rules(self, urls: UrlRules) -> FileRules:
        """Return how a file is read; raise `Rejected` (422)."""
        if self.base_url is not None:
            urls.require(self.base_url, "base_url")
        parse_pattern(self.pattern)
        return FileRules(
            profile=self.profile,
            mapping=parse_mapping(self.map),
            strict=self.columns is ColumnPolicy.STRICT,
            base_url=self.base_url,
            currency=self.currency,
            pattern=self.pattern,
        )

    @property
    def told(self) -> dict[str, Any]:
        """What differs from the defaults, as JSON."""
        return self.model_dump(
            mode="json", include=set(Reading.model_fields), exclude_defaults=True
        )


class ImportQuery(Reading):
    """How a file is taken."""

    mapping: LineText | None = Field(
        None, max_length=100, description="the name of a saved mapping, before which this goes"
    )
    policy: ImportPolicy = Field(ImportPolicy.REJECT_ALL, description="how bad rows are treated")
    dry_run: bool = Field(default=False, description="only check the file, import nothing")
    preset: StorableText = Field("web", description="which variants are made")
    callback_url: str | None = Field(None, description="receives a message when the batch ends")
    name: LineText | None = Field(
        None, max_length=200, description="a name for the batch; the file's name by default"
    )

    def reading(self, saved: Mapping[str, Any]) -> Reading:
        """Return how the file is read: what the request says, else what the saved mapping does."""
        reading = Reading.model_validate({**saved, **self.told, "map": []})
        reading.map = [*saved.get("map", ()), *self.map]  # together they may be more than one may
        return reading


class SavedMapping(Reading):
    """A saved mapping."""

    model_config = ConfigDict(json_schema_extra={})

    name: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, view: MappingView) -> "SavedMapping":
        """Show a mapping."""
        return cls(
            name=view.name, created_at=view.created_at, updated_at=view.updated_at, **view.reading
        )


class MappingPage(BaseModel):
    """One page of mappings, by name; `next` leads to the following one."""

    mappings: list[SavedMapping]
    next: str | None
