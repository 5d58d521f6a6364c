"""Whatever lies in the store and whatever refers to it: garbage goes, and nothing else."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from sqlalchemy import select

from infra.db.engine import Database
from infra.db.models.catalogue import Original, Variant
from infra.db.models.retirements import Retirement
from infra.objectstore import ObjectStore
from infra.settings.sections import StoreSettings
from tests.amount import amount
from tests.integration.database.fresh import empty
from tests.integration.tasks.contents.holdings import (
    CONTENTS,
    RIPE,
    RULES,
    AgedStore,
    Content,
    lay,
    objects_of,
    possible,
)
from tests.integration.tasks.contents.litter import collect, keys_in


@pytest.fixture
def aged_store(own_store: ObjectStore, own_store_settings: StoreSettings) -> Iterator[AgedStore]:
    with AgedStore(own_store_settings) as opened:
        yield opened


@settings(
    max_examples=amount(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(contents=CONTENTS)
@example(contents=[RIPE])
def test_a_collection_takes_what_is_old_and_not_referred_to_as_its_dry_run_said(
    database: Database, aged_store: AgedStore, tmp_path: Path, contents: list[Content]
) -> None:
    contents = [possible(content) for content in contents]
    empty(database)
    aged_store.remove_many(sorted(keys_in(aged_store)))
    lay(database, aged_store, tmp_path, contents=contents)
    found = objects_of(contents)
    before = rows_of(database)
    assert keys_in(aged_store) == found.old | found.young

    promised = collect(database, aged_store, replace(RULES, dry_run=True))
    untouched = keys_in(aged_store), rows_of(database)
    removed = collect(database, aged_store, RULES)

    assert untouched == (found.old | found.young, before)
    assert keys_in(aged_store) == (found.old | found.young) - found.garbage
    assert promised.amounts == removed.amounts
    assert announced(database) <= keys_in(aged_store)


def rows_of(database: Database) -> set[tuple[str, ...]]:
    """Return what a collection might change in PostgreSQL."""
    with database.transaction() as session:
        originals = session.execute(select(Original.object_key, Original.removed_until)).all()
        variants = session.execute(select(Variant.object_key)).all()
        notes = session.execute(
            select(Retirement.folder, Retirement.since, Retirement.removed_until)
        ).all()
    return {tuple(map(str, row)) for row in [*originals, *variants, *notes]}


def announced(database: Database) -> set[str]:
    """Return the keys of the objects that rows say are there."""
    with database.transaction() as session:
        originals = session.scalars(
            select(Original.object_key).where(Original.removed_until.is_(None))
        )
        return {*originals, *session.scalars(select(Variant.object_key))}
