"""Rendered products in Redis: a place that may be slow, empty or away, and is never believed.

Every entry is signed, so that who can write to Redis cannot put words into our mouth: one with
another signature, or under another key, is as good as none. It carries the version of what it
shows; whether that is the current one is for the reader to find out. While Redis is away nothing
is kept or found, and no caller waits for it twice within two seconds.
"""

import hmac
from dataclasses import dataclass
from uuid import UUID

import structlog

from infra.cache import Cache, OptionalUse

log = structlog.get_logger(__name__)

_KEPT_SECONDS = 3600
_ABSENT_SECONDS = 5
_FILLING_SECONDS = 1
_PAUSE_SECONDS = 2
_ABSENT_VERSION = -1
_SIGNATURE_BYTES = 32
_PURPOSE = b"product-images: cached products"  # the secret itself signs other things


@dataclass(frozen=True, slots=True)
class Entry:
    """A rendered product of a version; without a body when there is no such product."""

    version: int
    body: bytes

    @property
    def is_absent(self) -> bool:
        """Whether the entry says that there is no such product."""
        return self.version == _ABSENT_VERSION


class ProductCache:
    """Safe to share between threads. `shape` keeps answers of other releases apart.

    `secret` is one that all processes of the API share, and that Redis does not know.
    """

    def __init__(self, cache: Cache, shape: str, *, secret: str) -> None:
        self._cache = cache
        self._secret = hmac.digest(secret.encode(), _PURPOSE, "sha256")
        self._prefix = f"product:2:{shape}:"  # 1 was not signed
        self._use = OptionalUse(_PAUSE_SECONDS, "products are read without the cache")

    def get(self, product_id: UUID) -> Entry | None:
        """Return what is kept, whatever its version."""
        key = self._key(product_id)
        kept = self._use.attempt(lambda: self._cache.get(key), otherwise=None)
        if kept is None:
            return None
        signature, value = kept[:_SIGNATURE_BYTES], kept[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._signature(key, value)):
            log.warning("an entry of the cache has a wrong signature", product_id=str(product_id))
            return None
        version, separator, body = value.partition(b" ")
        try:
            return Entry(int(version), body) if separator else None
        except ValueError:
            return None

    def put(self, product_id: UUID, entry: Entry) -> None:
        """Keep a rendered product."""
        self._put(product_id, b"%d %s" % (entry.version, entry.body), _KEPT_SECONDS)

    def put_absent(self, product_id: UUID) -> None:
        """Keep for a few seconds that there is no such product."""
        self._put(product_id, b"%d " % _ABSENT_VERSION, _ABSENT_SECONDS)

    def begin(self, product_id: UUID, version: int) -> bool:
        """Return whether no other caller has just begun to make this version's answer."""
        key = f"{self._key(product_id)}:{version}"
        return self._use.attempt(
            lambda: self._cache.add(key, b"", _FILLING_SECONDS), otherwise=True
        )

    def _put(self, product_id: UUID, value: bytes, seconds: float) -> None:
        key = self._key(product_id)
        signed = self._signature(key, value) + value
        self._use.attempt(lambda: self._cache.put(key, signed, seconds), otherwise=None)

    def _signature(self, key: str, value: bytes) -> bytes:
        return hmac.digest(self._secret, b"%s %s" % (key.encode(), value), "sha256")

    def _key(self, product_id: UUID) -> str:
        return self._prefix + product_id.hex
