"""Reads what the head of an answer says about the image, trusting none of it."""

from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus

from infra.contract.errors import ErrorCode, FetchRefused
from infra.fetch.safety.source_url import SourceUrl

REDIRECTS = frozenset(
    {
        HTTPStatus.MOVED_PERMANENTLY,
        HTTPStatus.FOUND,
        HTTPStatus.SEE_OTHER,
        HTTPStatus.TEMPORARY_REDIRECT,
        HTTPStatus.PERMANENT_REDIRECT,
    }
)

MAX_URL_CHARACTERS = 8192  # of a redirect's target; what users may submit is shorter
_MAX_FACT_CHARACTERS = 256
_MAX_LENGTH_DIGITS = 18


def next_hop(source: SourceUrl, location: str) -> SourceUrl:
    """Return the URL that a redirect names; raise `FetchRefused` when it is not followed."""
    with suppress(UnicodeError):  # read as Latin-1; who sends more than ASCII means UTF-8
        location = location.encode("latin-1").decode("utf-8")
    following = source.join(location, max_characters=MAX_URL_CHARACTERS)
    if source.scheme == "https" and following.scheme == "http":
        detail = "The server redirects from https to http, which is not followed."
        raise FetchRefused(ErrorCode.BAD_URL, detail)
    return following


def declared_bytes(headers: Mapping[str, str]) -> int:
    """Return the announced length of the body; 0 when none or nonsense is announced."""
    declared = headers.get("Content-Length", "")
    return int(declared[:_MAX_LENGTH_DIGITS]) if declared.isascii() and declared.isdigit() else 0


def media_type(headers: Mapping[str, str]) -> str | None:
    """Return the media type in lower case without parameters."""
    stated = fact(headers, "Content-Type") or ""
    return stated.partition(";")[0].strip().lower() or None


def fact(headers: Mapping[str, str], name: str) -> str | None:
    """Return a header's value when it is fit to be stored: short, printable ASCII."""
    value = headers.get(name, "").strip()
    usable = value.isascii() and value.isprintable() and len(value) <= _MAX_FACT_CHARACTERS
    return value if value and usable else None
