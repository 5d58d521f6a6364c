"""Makes a row of a record: the rules are those of `POST /products`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from api.imports.cells import texts_in, urls_in
from api.imports.record import Record
from api.schemas.product_requests import Alt, ProductChange
from api.schemas.query import Sku
from api.schemas.submissions import JobMetadata, UrlRules
from api.sentences import sentence
from infra.contract.errors import ErrorCode, Rejected
from infra.contract.source_refs import without_query
from infra.settings.sections import ApiSettings
from tasks.imports.row import BadRow, GoodRow, Row, RowImage, RowProblem

_ALT = TypeAdapter[str](Alt)
_SKU = TypeAdapter[str](Sku)
_OURS = frozenset({"image_urls", "alt_texts"})


class _Described(ProductChange):
    """What a record says of a product besides its images."""

    sku: Sku
    metadata: JobMetadata | None = None


@dataclass(frozen=True, slots=True)
class _Wrong(Exception):
    """A value of a field that cannot be."""

    field: str
    detail: str
    code: ErrorCode = ErrorCode.INVALID_REQUEST


def row_of(record: Record, settings: ApiSettings, *, rules: UrlRules) -> Row:
    """Return the row, or all that is wrong with it. Empty values are as if they were not there."""
    given = {field: value for field, value in record.values.items() if not _is_empty(value)}
    described, problems = _described({f: v for f, v in given.items() if f not in _OURS})
    images: tuple[RowImage, ...] = ()
    try:
        images = _images(given, settings, rules=rules)
    except _Wrong as exc:
        problems.append(exc)
    if problems or described is None:
        return BadRow(
            record.line, _sku_of(given), tuple(_problem(record, wrong) for wrong in problems)
        )
    return _good(record.line, described, images)


def _good(line: int, described: _Described, images: tuple[RowImage, ...]) -> GoodRow:
    fields = described.model_dump(exclude_unset=True, exclude={"sku", "metadata"})
    if described.price is not None:
        fields["price"] = f"{described.price:f}"
    return GoodRow(line, described.sku, fields, images, described.metadata)


def _problem(record: Record, wrong: _Wrong) -> RowProblem:
    column = record.names.get(wrong.field, wrong.field)
    return RowProblem(record.line, column, wrong.code, wrong.detail)


def _sku_of(given: Mapping[str, Any]) -> str | None:
    """Return the sku of a row that is wrong elsewhere: the report names it."""
    sku = given.get("sku")
    try:
        return _SKU.validate_python(sku.strip() if isinstance(sku, str) else sku)
    except ValidationError:
        return None


def _is_empty(value: Any) -> bool:
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


def _described(given: Mapping[str, Any]) -> tuple[_Described | None, list[_Wrong]]:
    try:
        return _Described.model_validate(_read(given)), []
    except _Wrong as exc:
        return None, [exc]
    except ValidationError as exc:
        return None, [
            _Wrong(str(error["loc"][0]), _sentence(sentence(error), error["loc"], given))
            for error in exc.errors(include_url=False, include_input=False)
        ]


def _read(given: Mapping[str, Any]) -> dict[str, Any]:
    """Turn what a cell spells into what a JSON body would say."""
    values = {f: v.strip() if isinstance(v, str) else v for f, v in given.items()}
    if isinstance(values.get("sku"), int) and not isinstance(values["sku"], bool):
        values["sku"] = str(values["sku"])  # a serial number that is written as a number
    if isinstance(text := values.get("metadata"), str):
        try:
            values["metadata"] = json.loads(text)
        except (ValueError, RecursionError) as exc:
            told = 'It is not a JSON object such as {"season": "summer"}.'
            raise _Wrong("metadata", told, ErrorCode.MALFORMED_JSON) from exc
    return values


def _sentence(message: str, place: Sequence[Any], given: Mapping[str, Any]) -> str:
    if place[0] == "sku" and "sku" not in given:
        return "Every row needs a sku."
    return f"It {message}."


def _images(
    given: Mapping[str, Any], settings: ApiSettings, *, rules: UrlRules
) -> tuple[RowImage, ...]:
    """Return the images, each source once: of a repeated one the first counts."""
    urls = _list("image_urls", given, urls_in)
    alts = _alts(given, urls)
    if len(urls) > settings.max_urls:
        told = f"{len(urls)} images; {settings.max_urls} are allowed in one row."
        raise _Wrong("image_urls", told, ErrorCode.TOO_MANY_URLS)
    images: dict[str, RowImage] = {}
    for index, text in enumerate(urls):
        url = _url(index, text, rules)
        images.setdefault(url, RowImage(url, alts[index] or None))
    return tuple(images.values())


def _alts(given: Mapping[str, Any], urls: Sequence[str]) -> list[str | None]:
    alts: list[str | None] = []
    for text in _list("alt_texts", given, texts_in, empty=True):
        try:
            alts.append(_ALT.validate_python(text))
        except ValidationError as exc:
            told = sentence(exc.errors(include_url=False, include_input=False)[0])
            raise _Wrong("alt_texts", f"It {told}.") from exc
    if len(alts) > len(urls):
        told = f"{len(alts)} texts for {len(urls)} images; separate texts with | alone."
        raise _Wrong("alt_texts", told)
    return alts + [None] * (len(urls) - len(alts))


def _list(field: str, given: Mapping[str, Any], cut: Any, *, empty: bool = False) -> list[str]:
    """Return the texts of a field, which is a cell to cut or a list of texts."""
    value = given.get(field)
    if value is None:
        return []
    if isinstance(value, str):
        found: list[str] = cut(value)
        return found
    if isinstance(value, list):
        texts = ["" if entry is None and empty else entry for entry in value]
        if all(isinstance(text, str) for text in texts):
            return texts
    raise _Wrong(field, "It must be a text, or a list of texts.")


def _url(index: int, text: str, rules: UrlRules) -> str:
    try:
        return rules.parse(text)
    except Rejected as exc:
        told = f"URL {index} ({without_query(text)[:60]!r}): {exc.detail}"
        raise _Wrong("image_urls", told, ErrorCode(exc.code)) from exc
