"""What callers may send, and its translation into a submission."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from api.schemas.ids import parse_optional_id
from api.sentences import sentence
from infra.contract.errors import ErrorCode, FetchRefused, Rejected
from infra.db.storable import Sku, require_text
from infra.fetch.safety.allow_list import AllowList
from infra.fetch.safety.source_url import parse_source_url
from infra.settings.sections import ApiSettings, FetchSettings
from tasks.imaging.presets.catalogue import Presets
from tasks.submission.submit import Submission, Upload

_DEFAULT_PRESET = "web"
_METADATA_LEVELS = 32  # answers cannot be written from a few hundred on
_ONE_OF = "Send image_url, image_urls or files: at least one image is needed."

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class UrlRules:
    """What a URL must be to be accepted, as far as that is known without looking anything up."""

    max_characters: int
    allowed: AllowList

    @classmethod
    def of(cls, api: ApiSettings, fetch: FetchSettings) -> "UrlRules":
        """Read the settings; raise `SettingsError` for an exception that is none."""
        return cls(api.max_url_characters, AllowList.parse(fetch.allowed_private_hosts))

    def parse(self, text: str) -> str:
        """Return the normalised URL; raise `Rejected` (422)."""
        try:
            url = parse_source_url(text, max_characters=self.max_characters)
        except FetchRefused as exc:
            raise Rejected(422, ErrorCode.INVALID_URL, exc.detail) from exc
        try:
            self.allowed.check_spelling(url)
        except FetchRefused as exc:
            raise Rejected(422, ErrorCode.BLOCKED_ADDRESS, exc.detail) from exc
        return url.text

    def require(self, text: str, what: str) -> str:
        """Do the same for a URL on which the whole request depends; `what` names it."""
        try:
            return self.parse(text)
        except Rejected as exc:
            detail = f"{what}: {exc.detail} Nothing was accepted."
            raise Rejected(exc.status, exc.code, detail) from exc


def _storable_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    for text in _texts(metadata, _METADATA_LEVELS):
        require_text(text)
    try:
        json.dumps(metadata, allow_nan=False)
    except ValueError as exc:
        raise ValueError("has a number that is too large for JSON") from exc
    return metadata


JobMetadata = Annotated[dict[str, Any], AfterValidator(_storable_metadata)]


class ProcessImageRequest(BaseModel):
    """The members of `POST /process-image`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"image_url": "https://example.com/image.jpg"}]},
    )

    image_url: str | None = Field(None, description="one image")
    image_urls: list[str] | None = Field(None, description="several images of one product")
    product_id: str | None = Field(None, description="an existing product")
    sku: Sku | None = Field(None, description="your SKU; an unknown product is created")
    preset: str = Field(_DEFAULT_PRESET, description="which variants are made")
    metadata: JobMetadata = Field(default_factory=dict, description="kept with the job")
    callback_url: str | None = Field(None, description="receives a message when the job ends")


def _texts(value: Any, levels: int) -> Iterator[str]:
    """Yield every text and member name of a JSON value; refuse more than `levels` of nesting."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        if levels == 0:
            raise ValueError(f"is nested deeper than {_METADATA_LEVELS} levels")
        for child in (*value, *value.values()) if isinstance(value, dict) else value:
            yield from _texts(child, levels - 1)


def parsed(model: type[M], members: dict[str, Any]) -> M:
    """Validate the members; raise `Rejected` (422) with a sentence per problem."""
    try:
        return model.model_validate(members)
    except ValidationError as exc:
        problems = "; ".join(
            f"{'.'.join(map(str, error['loc']))}: {sentence(error)}" for error in exc.errors()
        )
        raise Rejected(422, ErrorCode.INVALID_REQUEST, f"{problems}.") from exc


def to_submission(
    request: ProcessImageRequest,
    uploads: Sequence[Upload],
    *,
    rules: UrlRules,
    presets: Presets,
) -> Submission:
    """Return what to submit; raise `Rejected` when any part of it is unacceptable."""
    require_preset(request.preset, presets)
    urls = [rules.require(text, f"URL {index}") for index, text in enumerate(_urls(request))]
    return Submission(
        preset=request.preset,
        urls=tuple(urls),
        uploads=tuple(uploads),
        product_id=parse_optional_id(request.product_id, "product"),
        sku=request.sku,
        metadata=request.metadata,
        callback_url=callback_of(request.callback_url, rules),
    )


def require_preset(name: str, presets: Presets) -> None:
    """Raise `Rejected` (422) unless there is such a preset."""
    if name not in presets:
        raise Rejected(
            422,
            ErrorCode.UNKNOWN_PRESET,
            f"There is no preset {name!r}. Known: {', '.join(presets)}.",
        )


def check_count(request: ProcessImageRequest, files: int, settings: ApiSettings) -> None:
    """Raise `Rejected` (422) unless the number of images is within bounds."""
    if request.image_url is not None and request.image_urls is not None:
        raise Rejected(422, ErrorCode.INVALID_REQUEST, "Send image_url or image_urls, not both.")
    count = len(_urls(request)) + files
    if count == 0:
        raise Rejected(422, ErrorCode.INVALID_REQUEST, _ONE_OF)
    if count > settings.max_urls:
        raise Rejected(
            422,
            ErrorCode.TOO_MANY_URLS,
            f"{count} images were sent; {settings.max_urls} are allowed in one request.",
        )


def _urls(request: ProcessImageRequest) -> list[str]:
    single = [] if request.image_url is None else [request.image_url]
    return single + (request.image_urls or [])


def callback_of(text: str | None, rules: UrlRules) -> str | None:
    """Return a normalised callback URL, None without one; raise `Rejected` (422)."""
    return None if text is None else rules.require(text, "callback_url")
