"""Makes a row of a record: the rules are those of `POST /products`."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any
from urllib.parse import quote, urljoin

from pydantic import TypeAdapter, ValidationError

from api.imports.columns import GROUP, FileRules
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
_BETWEEN_PATHS = re.compile(r"[,;|\n]")
_LINE_BREAK = re.compile(r"\s*[\r\n]\s*")
_BETWEEN_TEXTS = re.compile(r"[|\n]")
_PRICE_AND_CURRENCY = re.compile(r"(?P<price>\S.*?)\s*(?P<currency>[A-Za-z]{3})", re.DOTALL)
_CURRENCY_AND_PRICE = re.compile(r"(?P<currency>[A-Za-z]{3})\s*(?P<price>\S.*)", re.DOTALL)
_OURS = frozenset({"image_urls", "alt_texts", "alt_text", GROUP})
_NO_BASE = "It is no whole URL. Send base_url= with the address that it continues."


class _Described(ProductChange):
    """What a record says of a product besides its images."""

    sku: Sku | None = None
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


def paths_in(cell: str) -> list[str]:
    """Return the addresses of a cell that has no whole URL: names of files may hold blanks."""
    return [path for piece in _BETWEEN_PATHS.split(cell) if (path := piece.strip())]


def texts_in(cell: str) -> list[str]:
    """Return the alt texts of a cell, one for each URL; an empty one says nothing."""
    return [text.strip() for text in _BETWEEN_TEXTS.split(cell.strip())]


@dataclass(frozen=True, slots=True)
class RowRules:
    """What the values of a file are held against."""

    settings: ApiSettings
    urls: UrlRules
    file: FileRules
    has_profile: bool
    """Whether the columns are those of a shop system, which knows the currency of its prices."""


def row_of(record: Record, rules: RowRules) -> Row:
    """Return the row, or all that is wrong with it. Empty values are as if they were not there."""
    given = {
        field: value
        for field, value in record.values.items()
        if value is not None and value != [] and (not isinstance(value, str) or value.strip())
    }
    _complete_price(given, rules)
    described, problems = _described({f: v for f, v in given.items() if f not in _OURS})
    group = _name_of(given.get(GROUP))
    if group is None and GROUP in given:
        problems.append(_Wrong(GROUP, "It cannot be the name of a product: it is no sku."))
    elif "sku" not in given and group is None:
        problems.append(_Wrong("sku", "Every row needs a sku."))
    images: tuple[RowImage, ...] = ()
    try:
        images = _images(given, rules)
    except _Wrong as exc:
        problems.append(exc)
    if not problems and described is not None:
        fields = described.model_dump(exclude_unset=True, exclude={"sku", "metadata"})
        if described.price is not None:
            fields["price"] = f"{described.price:f}"
        return GoodRow(record.line, described.sku, fields, images, described.metadata, group)
    sku = _name_of(given.get("sku"))  # the report names it, whatever else is wrong
    told = tuple(
        RowProblem(record.line, record.names.get(each.field, each.field), each.code, each.detail)
        for each in problems
    )
    return BadRow(record.line, sku, told, group)


def _name_of(value: Any) -> str | None:
    """Return what can be the name of a product, None for all else."""
    try:
        return _SKU.validate_python(value)
    except ValidationError:
        return None


def _complete_price(given: dict[str, Any], rules: RowRules) -> None:
    """Take a currency out of the price, such as `15.00 USD`, or from what the caller said.

    A shop system's price whose currency nobody names is left out.
    """
    price = given.get("price")
    if price is None or "currency" in given:
        return
    text = price.strip() if isinstance(price, str) else ""
    found = _PRICE_AND_CURRENCY.fullmatch(text) or _CURRENCY_AND_PRICE.fullmatch(text)
    if found:
        given["price"], given["currency"] = found["price"], found["currency"].upper()
    elif rules.file.currency is not None:
        given["currency"] = rules.file.currency
    elif rules.has_profile:
        del given["price"]


def _described(given: Mapping[str, Any]) -> tuple[_Described | None, list[_Wrong]]:
    """Read what the cells spell, as if a JSON body said it."""
    values = {f: v.strip() if isinstance(v, str) else v for f, v in given.items()}
    if isinstance(name := values.get("name"), str):
        values["name"] = _LINE_BREAK.sub(" ", name)  # cells break long names
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
        return None, [
            _Wrong(str(error["loc"][0]), f"It {sentence(error)}.")
            for error in exc.errors(include_url=False, include_input=False)
        ]


def _images(given: Mapping[str, Any], rules: RowRules) -> tuple[RowImage, ...]:
    """Return the images, each source once: of a repeated one the first counts."""
    urls = _addresses(given, rules)
    alts = _alts(given, len(urls))
    most = rules.settings.max_urls
    if len(urls) > most:
        told = f"{len(urls)} images; {most} are allowed in one row."
        raise _Wrong("image_urls", told, ErrorCode.TOO_MANY_URLS)
    images: dict[str, RowImage] = {}
    for index, (text, alt) in enumerate(zip_longest(urls, alts)):
        try:
            url = rules.urls.parse(text)
        except Rejected as exc:
            detail = exc.detail if "://" in text or rules.file.base_url else _NO_BASE
            told = f"URL {index} ({without_query(text)[:60]!r}): {detail}"
            raise _Wrong("image_urls", told, ErrorCode(exc.code)) from exc
        images.setdefault(url, RowImage(url, alt or None))
    return tuple(images.values())


def _addresses(given: Mapping[str, Any], rules: RowRules) -> list[str]:
    """Return the addresses of the images; those that are not whole continue the base."""
    base = rules.file.base_url
    found = _list(
        "image_urls",
        given,
        lambda cell: (urls_in if base is None or "://" in cell else paths_in)(cell),
    )
    return [_whole(text, base) for text in found]


def _whole(address: str, base: str | None) -> str:
    """Return an address with the scheme, or the beginning, that it leaves out."""
    if address.startswith("//"):
        return f"https:{address}"
    if base is None or "://" in address:
        return address
    return urljoin(f"{base.rstrip('/')}/", quote(address.lstrip("/"), safe="/%?&=+,;~"))


def _alts(given: Mapping[str, Any], images: int) -> list[str]:
    """Return the texts of the images, in their order: a list, or one for the first image."""
    texts = _list("alt_texts", given, texts_in, empty=True)
    if not texts and images and "alt_text" in given:
        texts = _list("alt_text", given, lambda cell: [cell.strip()])[:1]
    alts = []
    for text in texts:
        try:
            alts.append(_ALT.validate_python(text))
        except ValidationError as exc:
            told = sentence(exc.errors(include_url=False, include_input=False)[0])
            raise _Wrong(
                "alt_texts" if "alt_texts" in given else "alt_text", f"It {told}."
            ) from exc
    if len(alts) > images:
        told = f"{len(alts)} texts for {images} images; separate texts with | alone."
        raise _Wrong("alt_texts", told)
    return alts


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
