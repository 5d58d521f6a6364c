"""What callers may send about products, and what it means to the use cases."""

import re
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from api.schemas.jobs import Focus
from api.schemas.submissions import (
    JobMetadata,
    ProcessImageRequest,
    UrlRules,
    callback_of,
    check_count,
    parsed,
    require_preset,
    to_submission,
)
from infra.contract.currencies import CURRENCIES
from infra.contract.errors import ErrorCode, Rejected
from infra.db.storable import (
    MAX_ALT_CHARACTERS,
    MAX_DESCRIPTION_CHARACTERS,
    MAX_NAME_CHARACTERS,
    MAX_OWNER_CHARACTERS,
    Line,
    Lines,
    Sku,
)
from infra.settings.sections import ApiSettings
from tasks.imaging.presets.catalogue import Presets
from tasks.products.fields import Picture
from tasks.submission.submit import Submission

# A price as text: with at most one mark that says where the decimals begin. A mark before exactly
# three digits may separate thousands: alone it could mean either, so it is refused.
_PLAIN_PRICE = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_COMMA_PRICE = re.compile(r"(-?\d+),(\d{1,2}|\d{4,})", re.ASCII)
_GROUPED_PRICE = re.compile(
    r"(-?\d{1,3}(?:(?P<group>[.,'\u2019 \xa0\u202f])\d{3})(?:(?P=group)\d{3})*)"
    r"(?!(?P=group))[.,](\d+)",
    re.ASCII,
)
_UPLOADED = re.compile(r"upload:[0-9a-f]{64}")
_MOST_IMAGES = 10_000
_MAKING = ("preset", "metadata", "callback_url")


def _currency(code: str) -> str:
    if code not in CURRENCIES:
        raise ValueError("is not a currency of ISO 4217; send a code such as EUR")
    return code


def _decimal_point(price: Any) -> Any:
    """Return a price in text with a decimal point: `19,90` and `1.234,50` are usual, too."""
    if not isinstance(price, str):
        return price
    text = price.strip()
    if _PLAIN_PRICE.fullmatch(text):
        return text
    if found := _COMMA_PRICE.fullmatch(text):
        return f"{found[1]}.{found[2]}"
    if found := _GROUPED_PRICE.fullmatch(text):
        return f"{re.sub(r'[^0-9-]', '', found[1])}.{found[3]}"
    raise ValueError("is not a price; write digits with a decimal point, such as 1234.50")


Price = Annotated[
    Decimal,
    Field(ge=0, max_digits=19, decimal_places=4, allow_inf_nan=False),
    BeforeValidator(_decimal_point, json_schema_input_type=Decimal),
]
Currency = Annotated[str, AfterValidator(_currency)]
Owner = Annotated[str, Field(min_length=1, max_length=MAX_OWNER_CHARACTERS), Line]
Name = Annotated[str, Field(max_length=MAX_NAME_CHARACTERS), Line]
Description = Annotated[str, Field(max_length=MAX_DESCRIPTION_CHARACTERS), Lines]
Alt = Annotated[str, Field(max_length=MAX_ALT_CHARACTERS), Lines]


class ProductChange(BaseModel):
    """The members of `PATCH /products/{id}`; `null` clears a field."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"price": "69.90", "currency": "EUR"}]},
    )

    sku: Sku | None = Field(None, description="your SKU of the product; unique")
    name: Name | None = None
    description: Description | None = None
    price: Price | None = Field(None, description="a decimal; needs `currency`")
    currency: Currency | None = Field(None, description="ISO 4217", examples=["EUR"])
    owner_id: Owner | None = None


class PictureEntry(BaseModel):
    """An image with its alternative text; without `alt` a known image keeps its own."""

    model_config = ConfigDict(extra="forbid")

    url: str
    alt: Alt | None = None


class _Making(BaseModel):
    """How new images are made: as with `POST /process-image`."""

    model_config = ConfigDict(extra="forbid")

    preset: str = Field("web", description="which variants are made")
    metadata: JobMetadata = Field(default_factory=dict, description="kept with the job")
    callback_url: str | None = Field(None, description="receives a message when the job ends")


class NewProduct(ProductChange, _Making):
    """The members of `POST /products`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "sku": "SHOE-42",
                    "name": "Running shoe",
                    "price": "79.90",
                    "currency": "EUR",
                    "images": [{"url": "https://example.com/front.jpg", "alt": "From the front"}],
                }
            ]
        },
    )

    images: list[str | PictureEntry] = Field(default_factory=list)


class PictureList(_Making):
    """The members of `PUT /products/{id}/images`: the whole list, in order."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"images": ["https://example.com/front.jpg"]}]},
    )

    images: list[str | PictureEntry]


class ImageOrder(BaseModel):
    """The body of `PUT /products/{id}/images/order`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"image_ids": ["019abd3e-6f00-7c2a-9b51-0d6f1f6b2c11"]}]},
    )

    image_ids: list[UUID] = Field(
        max_length=_MOST_IMAGES, description="each image of the product once, in order"
    )


class ImageChange(BaseModel):
    """The body of `PATCH /products/{id}/images/{image_id}`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"alt": "From behind"}, {"focus": {"x": 0.5, "y": 0.2}}, {"focus": None}]
        },
    )

    alt: Alt | None = Field(None, description="the alternative text; null for none")
    focus: Focus | None = Field(
        None, description="the focal point, to a twentieth of each side; null: that of the preset"
    )


class NewSource(BaseModel):
    """The fields of `PUT /products/{id}/images/{image_id}/source`, beside a file."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"image_url": "https://example.com/b.jpg"}]}
    )

    image_url: str | None = Field(None, description="the new source, unless a file is sent")
    preset: str | None = Field(None, description="the image's own when absent")
    metadata: JobMetadata = Field(default_factory=dict, description="kept with the job")
    callback_url: str | None = Field(None, description="receives a message when the job ends")


def source_of(
    fields: dict[str, Any], files: int, *, rules: UrlRules, presets: Presets
) -> Submission:
    """Return how one image is made anew, without its file; raise `Rejected` (422)."""
    request = parsed(NewSource, single(fields))
    if (request.image_url is not None) + files != 1:
        detail = "Send image_url or one file: an image has one source."
        raise Rejected(422, ErrorCode.INVALID_REQUEST, detail)
    if request.preset is not None:
        require_preset(request.preset, presets)
    url = request.image_url
    return Submission(
        preset=request.preset or "",
        urls=() if url is None else (rules.require(url, "image_url"),),
        metadata=request.metadata,
        callback_url=callback_of(request.callback_url, rules),
    )


def single(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a form or body with the one URL of a form under its own name."""
    urls = fields.get("image_urls")
    if "image_url" in fields or not isinstance(urls, list) or len(urls) != 1:
        return fields
    return {**{k: v for k, v in fields.items() if k != "image_urls"}, "image_url": urls[0]}


def fields_of(request: ProductChange) -> dict[str, Any]:
    """Return the product's fields that were sent."""
    return request.model_dump(include=set(ProductChange.model_fields), exclude_unset=True)


def pictures_of(
    request: NewProduct | PictureList, settings: ApiSettings, *, rules: UrlRules, presets: Presets
) -> tuple[tuple[Picture, ...], Submission]:
    """Return the wanted images, and how new ones are made; raise `Rejected` (422)."""
    entries = [PictureEntry(url=e) if isinstance(e, str) else e for e in request.images]
    urls = [entry.url for entry in entries if not _UPLOADED.fullmatch(entry.url)]
    members = {"image_urls": urls, **request.model_dump(include=set(_MAKING))}
    making = parsed(ProcessImageRequest, members)
    if entries:
        check_count(making, len(entries) - len(urls), settings)
    submission = to_submission(making, (), rules=rules, presets=presets)
    normalised = iter(submission.urls)  # in the places of those that were sent
    pictures = tuple(
        Picture(
            source=entry.url if _UPLOADED.fullmatch(entry.url) else next(normalised),
            alt=entry.alt,
            keeps_alt="alt" not in entry.model_fields_set,
        )
        for entry in entries
    )
    return pictures, submission


def body_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Describe a JSON body in OpenAPI, in one piece."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    content = {"application/json": {"schema": _inlined(schema, definitions)}}
    return {"requestBody": {"required": True, "content": content}}


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_inlined(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {name: _inlined(part, definitions) for name, part in schema.items()}
