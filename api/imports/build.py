"""Makes a row of a record: the rules are those of `POST /products`."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from pydantic import TypeAdapter, ValidationError

from api.imports.record import Record
from api.schemas.product_requests import Alt, ProductChange
from api.schemas.submissions import JobMetadata, UrlRules
from api.sentences import sentence
from infra.contract.errors import ErrorCode, Rejected
from infra.contract.source_refs import without_query
from infra.db.storable import Sku
from infra.settings.sections import ApiSettings
from tasks.imports.row import BadRow, GoodRow, Row, RowImage, RowProblem

_ALT = TypeAdapter[str](Alt)
_SKU = TypeAdapter[str](Sku)
_BEFORE_A_URL = re.compile(r"[,;|](?=[a-z][a-z0-9+.-]{0,20}://)", re.IGNORECASE)
_SEPARATORS = ",;|"
_BETWEEN_TEXTS = re.compile(r"[|\n]")
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


def urls_in(cell: str) -> list[str]:
    """Return the URLs of a cell, in order, and whatever else stands there.

    A URL may contain commas, semicolons and bars, so these separate only where another URL
    follows. White space never belongs to a URL and always separates.
    """
    pieces = (piece for word in cell.split() for piece in _BEFORE_A_URL.split(word))
    return [url for piece in pieces if (url := piece.strip(_SEPARATORS))]


def texts_in(cell: str) -> list[str]:
    """Return the alt texts of a cell, one for each URL; an empty one says nothing."""
    return [text.strip() for text in _BETWEEN_TEXTS.split(cell.strip())]


def row_of(record: Record, settings: ApiSettings, *, rules: UrlRules) -> Row:
    """Return the row, or all that is wrong with it. Empty values are as if they were not there."""
    given = {
        field: value
        for field, value in record.values.items()
        if value is not None and value != [] and (not isinstance(value, str) or value.strip())
    }
    described, problems = _described({f: v for f, v in given.items() if f not in _OURS})
    images: tuple[RowImage, ...] = ()
    try:
        images = _images(given, settings, rules=rules)
    except _Wrong as exc:
        problems.append(exc)
    if not problems and described is not None:
        fields = described.model_dump(exclude_unset=True, exclude={"sku", "metadata"})
        if described.price is not None:
            fields["price"] = f"{described.price:f}"
        return GoodRow(record.line, described.sku, fields, images, described.metadata)
    sku = given.get("sku")  # the report names it, whatever else is wrong
    try:
        sku = _SKU.validate_python(sku.strip() if isinstance(sku, str) else sku)
    except ValidationError:
        sku = None
    told = tuple(
        RowProblem(record.line, record.names.get(each.field, each.field), each.code, each.detail)
        for each in problems
    )
    return BadRow(record.line, sku, told)


def _described(given: Mapping[str, Any]) -> tuple[_Described | None, list[_Wrong]]:
    """Read what the cells spell, as if a JSON body said it."""
    values = {f: v.strip() if isinstance(v, str) else v for f, v in given.items()}
    if isinstance(values.get("sku"), int) and not isinstance(values["sku"], bool):
        values["sku"] = str(values["sku"])  # a serial number that is written as a number
    if isinstance(text := values.get("metadata"), str):
        try:
            values["metadata"] = json.loads(text)
        except (ValueError, RecursionError):
            told = 'It is not a JSON object such as {"season": "summer"}.'
            return None, [_Wrong("metadata", told, ErrorCode.MALFORMED_JSON)]
    try:
        return _Described.model_validate(values), []
    except ValidationError as exc:
        wrong = []
        for error in exc.errors(include_url=False, include_input=False):
            field = str(error["loc"][0])
            lacks_sku = field == "sku" and "sku" not in given
            told = "Every row needs a sku." if lacks_sku else f"It {sentence(error)}."
            wrong.append(_Wrong(field, told))
        return None, wrong


def _images(
    given: Mapping[str, Any], settings: ApiSettings, *, rules: UrlRules
) -> tuple[RowImage, ...]:
    """Return the images, each source once: of a repeated one the first counts."""
    urls = _list("image_urls", given, urls_in)
    alts: list[str] = []
    for text in _list("alt_texts", given, texts_in, empty=True):
        try:
            alts.append(_ALT.validate_python(text))
        except ValidationError as exc:
            told = sentence(exc.errors(include_url=False, include_input=False)[0])
            raise _Wrong("alt_texts", f"It {told}.") from exc
    if len(alts) > len(urls):
        told = f"{len(alts)} texts for {len(urls)} images; separate texts with | alone."
        raise _Wrong("alt_texts", told)
    if len(urls) > settings.max_urls:
        told = f"{len(urls)} images; {settings.max_urls} are allowed in one row."
        raise _Wrong("image_urls", told, ErrorCode.TOO_MANY_URLS)
    images: dict[str, RowImage] = {}
    for index, (text, alt) in enumerate(zip_longest(urls, alts)):
        try:
            url = rules.parse(text)
        except Rejected as exc:
            told = f"URL {index} ({without_query(text)[:60]!r}): {exc.detail}"
            raise _Wrong("image_urls", told, ErrorCode(exc.code)) from exc
        images.setdefault(url, RowImage(url, alt or None))
    return tuple(images.values())


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
