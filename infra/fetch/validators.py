"""What a server calls the version of an image that it sent, so that it can be asked for a newer.

Validators belong to the URL that gave them. This module must not know how they are kept.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from infra.fetch.response_headers import fact

_ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"', re.ASCII)  # `*` would match anything
_WEAK = "W/"
_SETTLED_SECONDS = 60  # an image that was changed just now may change again in the same second


@dataclass(frozen=True, slots=True)
class Validators:
    """The server's own words about what it sent from this URL; at least one is there."""

    url: str
    etag: str | None
    last_modified: str | None

    def conditions(self, url: str) -> dict[str, str]:
        """Return the headers that ask for a newer version; none for any other URL."""
        if url != self.url:
            return {}
        named = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in named.items() if value is not None}

    def agrees(self, headers: Mapping[str, str]) -> bool:
        """Whether the head of a 304 can mean the version that these validators mean."""
        named = fact(headers, "ETag")
        if named is None or self.etag is None:
            return True
        return named.removeprefix(_WEAK) == self.etag.removeprefix(_WEAK)


def validators_of(
    url: str, headers: Mapping[str, str], *, now: datetime | None = None
) -> Validators | None:
    """Read what the head of an answer offers; None when nothing of it can be relied on."""
    etag = fact(headers, "ETag")
    if etag is not None and not _ENTITY_TAG.fullmatch(etag):
        etag = None
    last_modified = fact(headers, "Last-Modified")
    changed = _moment(last_modified)
    sent = _moment(headers.get("Date")) or now or datetime.now(UTC)
    if changed is None or (sent - changed).total_seconds() < _SETTLED_SECONDS:
        last_modified = None
    if etag is None and last_modified is None:
        return None
    return Validators(url, etag, last_modified)


def _moment(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
