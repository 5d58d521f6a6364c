"""What callers may say about an imported file: how it is taken, and how its columns are read."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from api.imports.columns import FileRules, parse_mapping
from api.imports.profiles import NO_PROFILE, PROFILES
from api.schemas.product_requests import Currency
from api.schemas.submissions import UrlRules
from infra.contract.errors import ErrorCode, Rejected
from infra.db.storable import LineText, StorableText
from tasks.imports.row import ImportPolicy

_PROFILES = (*PROFILES, NO_PROFILE)


class ColumnPolicy(StrEnum):
    """What becomes of a file with columns that are not known."""

    IGNORE = "ignore"
    STRICT = "strict"


class ReadingQuery(BaseModel):
    """How the columns of a file are read; what is not said is recognised in the file."""

    profile: str | None = Field(
        None,
        description="whose columns they are; by default recognised in the header, none for our own",
        json_schema_extra={"enum": list(_PROFILES)},
    )
    map: list[StorableText] = Field(
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

    def rules(self, urls: UrlRules) -> FileRules:
        """Return how a file is read; raise `Rejected` (422)."""
        if self.profile is not None and self.profile not in _PROFILES:
            told = f"profile: there is no {self.profile[:60]!r}. Known: {', '.join(_PROFILES)}."
            raise Rejected(422, ErrorCode.INVALID_REQUEST, told)
        if self.base_url is not None:
            urls.require(self.base_url, "base_url")
        return FileRules(
            profile=self.profile,
            mapping=parse_mapping(self.map),
            strict=self.columns is ColumnPolicy.STRICT,
            base_url=self.base_url,
            currency=self.currency,
        )


class ImportQuery(ReadingQuery):
    """How a file is taken."""

    model_config = ConfigDict(extra="forbid")

    policy: ImportPolicy = Field(ImportPolicy.REJECT_ALL, description="how bad rows are treated")
    dry_run: bool = Field(default=False, description="only check the file, import nothing")
    preset: StorableText = Field("web", description="which variants are made")
    callback_url: str | None = Field(None, description="receives a message when the batch ends")
    name: LineText | None = Field(
        None, max_length=200, description="a name for the batch; the file's name by default"
    )
