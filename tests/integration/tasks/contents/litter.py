"""Things for a garbage collector to find, and what it left."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select, text

from infra.contract.object_keys import variant_key
from infra.db.engine import Database
from infra.db.models.catalogue import Original, Variant
from infra.objectstore import ObjectStore
from infra.settings.sections import GarbageSettings, WebhookSettings
from tasks.upkeep.collect import collect_garbage
from tasks.upkeep.garbage import Rules, Tally
from tests.integration.tasks.job_rows import finished, sha256_of

WEBHOOKS = WebhookSettings()
AGED = replace(Rules.of(GarbageSettings(), WEBHOOKS), grace=timedelta(0))
"""The defaults, but what was written just now counts as old."""


def collect(database: Database, store: ObjectStore, rules: Rules = AGED) -> Tally:
    return collect_garbage(database, store, WEBHOOKS, rules=rules)


def put(store: ObjectStore, directory: Path, *keys: str) -> None:
    file = directory / "object"
    file.write_bytes(b"bytes")
    for key in keys:
        store.put_verified(key, file, media_type="image/webp")


def keys_in(store: ObjectStore) -> set[str]:
    prefixes = ("originals/", "variants/")
    return {each.key for prefix in prefixes for page in store.pages(prefix) for each in page}


def keys_of(database: Database, content: str) -> set[str]:
    sha256 = sha256_of(content)
    with database.transaction() as session:
        variants = session.scalars(
            select(Variant.object_key).where(Variant.original_sha256 == sha256)
        )
        originals = session.scalars(select(Original.object_key).where(Original.sha256 == sha256))
        return {*variants, *originals}


def stray(content: str, fingerprint: str = "0" * 16) -> str:
    return variant_key(
        original_sha256=sha256_of(content), fingerprint=fingerprint, name="w1", extension="webp"
    )


def execute(database: Database, statement: str) -> None:
    with database.transaction() as session:
        session.execute(text(statement))


def superseded(database: Database, store: ObjectStore, directory: Path) -> set[str]:
    """Have the look of the picture "a" replaced; return the keys of its old variants."""
    finished(database, "a")
    put(store, directory, *keys_of(database, "a"))
    old = {key for key in keys_of(database, "a") if key.startswith("variants/")}
    execute(database, "UPDATE images SET fingerprint = 'new'")
    return old


def let_days_pass(database: Database, days: int) -> None:
    for table, column in (("retirements", "since"), ("job_images", "finished_at")):
        change = f"UPDATE {table} SET {column} = {column} - interval '{days} days'"
        execute(database, change)
