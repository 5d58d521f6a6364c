"""Has each URL asked by one job at a time, in all workers together: a single flight.

Who comes while another job asks the same URL waits, and reads the bytes from our store when they
are there. When the other job fails or dies, the next one asks. Redis only says who asks: what was
fetched is read from PostgreSQL, so a lost or forged entry costs a request and changes no image.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from infra.cache import Cache, OptionalUse
from infra.db.engine import Database
from infra.db.models.catalogue import Image, Original
from infra.db.models.validators import SourceValidators
from infra.fetch.validators import Validators

_LEAD_SECONDS = 60.0  # a slower supplier is asked again, once in this time
_PAUSE_SECONDS = 5.0  # how long Redis is left alone after it did not answer
_LAND = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0
"""


@dataclass(frozen=True, slots=True)
class SharedOriginal:
    """What another job has just fetched from the same URL."""

    object_key: str
    validators: Validators | None


class UrlFlights:
    """Safe to share between threads. Without Redis every job asks for itself."""

    def __init__(self, cache: Cache | None, *, lead_seconds: float = _LEAD_SECONDS) -> None:
        self._cache = cache
        self._land = None if cache is None else cache.script(_LAND)
        self._lead_seconds = lead_seconds
        self._use = OptionalUse(_PAUSE_SECONDS, "jobs do not share the fetching of equal URLs")

    def lead(self, url: str, image_id: UUID) -> UUID | None:
        """Take the lead in asking a URL for an image; return the image that has it already.

        None means that the caller asks now, and has to `land`.
        """
        cache = self._cache
        if cache is None:
            return None

        def leader() -> bytes | None:
            if cache.add(key_of(url), image_id.hex.encode(), self._lead_seconds):
                return None
            return cache.get(key_of(url))

        return _other(self._use.attempt(leader, otherwise=None), image_id)

    def land(self, url: str, image_id: UUID) -> None:
        """Let others ask the URL: what it gave is recorded, or it gave nothing."""
        land = self._land
        if land is not None:
            self._use.attempt(lambda: land([key_of(url)], [image_id.hex]), otherwise=None)


def original_fetched_for(
    database: Database, image_ids: Collection[UUID], url: str, *, since: datetime
) -> SharedOriginal | None:
    """Return the original that one of these images has got from this URL since then, if any has."""
    statement = (
        select(Original.object_key, SourceValidators)
        .join(Image, Image.original_sha256 == Original.sha256)
        .outerjoin(
            SourceValidators,
            (SourceValidators.image_id == Image.id)
            & (SourceValidators.original_sha256 == Original.sha256)
            & (SourceValidators.url == url),
        )
        .where(
            Image.id.in_(image_ids),
            Image.source_url == url,
            Image.updated_at >= since,
            Image.error_code.is_(None),
        )
        .order_by(Image.updated_at.desc())
        .limit(1)
    )
    with database.transaction() as session:
        row = session.execute(statement).one_or_none()
    if row is None:
        return None
    object_key, said = row
    validators = None if said is None else Validators(said.url, said.etag, said.last_modified)
    return SharedOriginal(object_key, validators)


def _other(kept: bytes | None, image_id: UUID) -> UUID | None:
    """Return the image that an entry names, unless it is this one or the entry is none of ours."""
    try:
        leader = UUID((kept or b"").decode())
    except ValueError:
        return None
    return None if leader == image_id else leader


def key_of(url: str) -> str:
    """Return where Redis keeps who asks a URL."""
    return f"asking:{hashlib.sha256(url.encode()).hexdigest()}"
