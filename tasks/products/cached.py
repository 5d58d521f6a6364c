"""Use case: read a product through the cache, never staler than PostgreSQL.

Every read asks PostgreSQL for the product's version, `updated_at`, which triggers move with each
change a reader can see, in the same transaction. Only then is a cached answer given, and only
one of that version. So nothing has to be invalidated: what was committed before a request
arrived is in its answer, whichever process changed it, whatever Redis lost, and also when a slow
reader puts an old answer back. The version costs one look at a primary key; a hit saves reading
images, originals and variants, and writing them down.

One thread per process makes an answer for all who want the same version, and one process for
the others, for a moment. An unknown id is remembered for a few seconds without asking
PostgreSQL: ids are chosen by us and never used again, so one that names nothing stays so.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from infra.db.engine import Database
from infra.db.models.catalogue import Product
from infra.product_cache import Entry, ProductCache
from tasks.products.read import read_product
from tasks.products.single_flight import SingleFlight
from tasks.views import ProductView

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PATIENCE_SECONDS, _LOOK_SECONDS = 0.4, 0.02  # for another process that makes the same answer


@dataclass(frozen=True, slots=True)
class Reading:
    """The rendered product; `body` is None when the caller knows this version already."""

    version: int
    body: bytes | None
    hit: bool


class CachedProducts:
    """Reads products for all requests of a process."""

    def __init__(
        self, database: Database, cache: ProductCache, render: Callable[[ProductView], bytes]
    ) -> None:
        self._database = database
        self._cache = cache
        self._render = render
        self._flights: SingleFlight[Entry | None] = SingleFlight()

    def read(
        self, product_id: UUID, *, is_known: Callable[[int], bool] | None = None
    ) -> Reading | None:
        """Return the product, or None when there is none with this id.

        `is_known`, if given, is asked whether the caller has this version already.
        """
        entry = self._cache.get(product_id)
        if entry is not None and entry.is_absent:
            return None
        version = self._version(product_id)
        if version is None:
            self._cache.put_absent(product_id)
            return None
        fresh = entry is not None and entry.version >= version
        if is_known is not None and is_known(version):
            return Reading(version, None, fresh)
        if entry is not None and fresh:
            return Reading(entry.version, entry.body, hit=True)
        made = self._flights.join((product_id, version), lambda: self._make(product_id, version))
        return None if made is None else Reading(made.version, made.body, hit=False)

    def _make(self, product_id: UUID, version: int) -> Entry | None:
        """Make the answer of this version or a later one, unless another process just does."""
        if not self._cache.begin(product_id, version):
            made = self._await_other(product_id, version)
            if made is not None:
                return made
        product = read_product(self._database, product_id)
        if product is None:
            return None
        entry = Entry(_number(product.head.updated_at), self._render(product))
        self._cache.put(product_id, entry)
        return entry

    def _await_other(self, product_id: UUID, version: int) -> Entry | None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
            entry = self._cache.get(product_id)
            if entry is not None and entry.version >= version:
                return entry
        return None

    def _version(self, product_id: UUID) -> int | None:
        statement = select(Product.updated_at).where(Product.id == product_id)
        with self._database.transaction() as session:
            updated_at = session.scalars(statement).first()
        return None if updated_at is None else _number(updated_at)


def _number(moment: datetime) -> int:
    """Return microseconds since 1970, exactly."""
    return (moment - _EPOCH) // _MICROSECOND
