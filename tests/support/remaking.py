"""Products whose preset changes, and somebody who looks at their pictures all the while."""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import requests
from sqlalchemy import func, select

from infra.db.engine import Database
from infra.db.models.batches import Batch
from infra.db.models.catalogue import Image, Product, Variant
from infra.db.models.jobs import Job, JobImage
from tasks.imaging.presets.catalogue import Presets, load_presets
from tasks.imaging.presets.fingerprint import policy_fingerprint
from tests.pictures import PictureServer
from tests.support.bulk_work import begin_batch, sku_prefix
from tests.world import World

PRESET = "small"
_SPELLED = """
version = 1
[presets.small]
revision = {revision}
widths = [160, 80]
drop_larger = false
[presets.small.formats]
jpeg = {{ quality = {quality} }}
webp = {{ quality = {quality} }}
"""
_PAUSE_SECONDS = 0.02


def presets_file(folder: Path, *, revision: int) -> Path:
    """Write a file with a preset that costs next to no pixels; each revision has its quality."""
    path = folder / f"presets-{revision}.toml"
    path.write_text(_SPELLED.format(revision=revision, quality=60 + revision))
    return path


@dataclass(frozen=True, slots=True)
class Shop:
    """Products that were made by an older revision of their preset; `prefixes` of their skus."""

    pictures: PictureServer
    prefixes: Sequence[str]
    older: Path
    newer: Path

    @property
    def presets(self) -> Presets:
        """The presets that count now."""
        return load_presets(self.newer)

    @property
    def fingerprint(self) -> str:
        """What images show once they are made again."""
        return policy_fingerprint(self.presets.named(PRESET))


def begin_products(database: Database, urls: Sequence[str]) -> tuple[UUID, str]:
    """Commit a batch that makes a product of each address; return it and the skus' prefix."""
    batch = begin_batch(database, urls, preset=PRESET)
    return batch, sku_prefix(batch)


def fingerprints(database: Database, prefix: str) -> Counter[str | None]:
    """Return by which policies the images of these products were made."""
    wanted = (
        select(Image.fingerprint)
        .join(Product, Product.id == Image.product_id)
        .where(Product.sku.startswith(prefix))
    )
    with database.transaction() as session:
        return Counter(session.scalars(wanted))


def shown_urls(world: World, database: Database, prefix: str) -> list[str]:
    """Return the addresses that the API shows for these products, in the order of their skus."""
    wanted = select(Product.id).where(Product.sku.startswith(prefix)).order_by(Product.sku)
    with database.transaction() as session:
        ids = session.scalars(wanted).all()
    products = [world.call("GET", f"/products/{product_id}").json() for product_id in ids]
    return [variant["url"] for variant in _variants(products)]


def amounts(database: Database) -> dict[str, int]:
    """Return how many rows there are of all that a reprocess would write."""
    tables = (Batch, Job, JobImage, Image, Variant)
    with database.transaction() as session:
        return {
            table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0
            for table in tables
        }


def _variants(products: Sequence[Any]) -> list[Any]:
    return [
        variant
        for product in products
        for image in product["images"]
        for variant in image["variants"]
    ]


class Visitor:
    """Asks for one address after the other, all the time, inside a `with`."""

    def __init__(self, urls: Sequence[str]) -> None:
        self.statuses: Counter[int] = Counter()
        self._urls = urls
        self._gone = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._gone.set()
        self._thread.join()

    def _look(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while True:
                for url in self._urls:
                    self.statuses[self._status(session, url)] += 1
                    if self._gone.wait(_PAUSE_SECONDS):
                        return

    def _status(self, session: requests.Session, url: str) -> int:
        try:
            return session.get(url, timeout=10).status_code
        except requests.RequestException:
            return 0
