"""A preset changes: all images are made again, from the store, whoever starts it or is killed."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from infra.contract.states import BatchState
from infra.db.engine import Database
from infra.stack.stack import Stack
from tasks.batches.lead import batch_of_run
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.reprocess.targets import publish_targets
from tests.pictures import PictureServer
from tests.support.bulk_work import at_least, batch_row, ended, outcomes, small_ones, states
from tests.support.own_workers import Hiring
from tests.support.prefect_hands import ended as run_ended
from tests.support.remaking import (
    PRESET,
    Shop,
    Visitor,
    amounts,
    begin_products,
    fingerprints,
    presets_file,
    shown_urls,
)
from tests.support.stored import stored_keys
from tests.world import World

PRODUCTS = 12
FEW = 3

pytestmark = pytest.mark.usefixtures("off_duty")


@pytest.fixture(scope="module")
def shop(
    stack: Stack, database: Database, off_duty: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    """Products for both tests, made by a preset that has changed since."""
    folder = tmp_path_factory.mktemp("presets")
    older, newer = (presets_file(folder, revision=revision) for revision in (1, 2))
    hiring = Hiring(stack, folder)
    with PictureServer() as pictures:
        urls = small_ones(pictures, 8000, PRODUCTS), small_ones(pictures, 8100, FEW)
        begun = [begin_products(database, each) for each in urls]
        try:
            hiring(PRESETS_FILE=str(older))
            for batch, _ in begun:
                ended(database, batch, BatchState.READY)
        finally:
            hiring.let_all_go()
        seen = Shop(pictures, [prefix for _, prefix in begun], older, newer)
        publish_targets(database, seen.presets)
        yield seen
    publish_targets(database, packaged_presets())


@pytest.fixture(scope="module")
def newer_worker(
    stack: Stack, shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """A worker that knows what the preset has become."""
    hiring = Hiring(stack, tmp_path_factory.mktemp("newer"))
    hiring(PRESETS_FILE=str(shop.newer))
    yield
    hiring.let_all_go()


def asked(world: World, **selection: Any) -> tuple[int, Any]:
    """Post a selection; return the status and the answer."""
    response = world.call("POST", "/reprocess", json=selection)
    return response.status_code, response.json()


def deployed(world: World, **selection: Any) -> Any:
    """Start the deployment `reprocess` with its form filled in; return the run."""
    found = world.prefect("GET", "/deployments/name/reprocess/reprocess")
    body = {"parameters": {"selection": selection}, "state": {"type": "SCHEDULED"}}
    return world.prefect("POST", f"/deployments/{found['id']}/create_flow_run", body)


def shown_batch(database: Database, flow_run_id: str) -> UUID:
    """Return the batch that this run shows."""
    batch = batch_of_run(database, UUID(flow_run_id))
    assert batch is not None
    return batch


def test_a_changed_preset_reaches_all_images_from_the_store_although_the_worker_is_killed(
    world: World,
    database: Database,
    shop: Shop,
    hire: Hiring,
    request: pytest.FixtureRequest,
) -> None:
    prefix = shop.prefixes[0]
    old_urls = shown_urls(world, database, prefix)
    requests, rows = shop.pictures.requests.copy(), amounts(database)
    objects, before = stored_keys(world.stack.description), fingerprints(database, prefix)

    status, counted = asked(world, sku_prefix=prefix, dry_run=True)

    assert (status, counted["products"], counted["images"]) == (200, PRODUCTS, PRODUCTS)
    assert amounts(database) == rows
    assert stored_keys(world.stack.description) == objects
    assert fingerprints(database, prefix) == before

    victim = hire(PRESETS_FILE=str(shop.newer), WORKER_BULK_SLOTS="1")
    with Visitor(old_urls) as visitor:
        status, started = asked(world, sku_prefix=prefix)
        batch = UUID(started["batch_id"])
        at_least(database, batch, PRODUCTS * 3 // 10)
        victim.kill()
        left = states(database, batch)
        request.getfixturevalue("newer_worker")
        row = ended(database, batch, BatchState.READY)

    assert (status, started["images"]) == (202, PRODUCTS)
    assert left["ready"] < PRODUCTS
    assert states(database, batch) == {"ready": PRODUCTS}
    assert outcomes(database, batch) == {"created": PRODUCTS}
    assert fingerprints(database, prefix) == {shop.fingerprint: PRODUCTS}
    assert shop.pictures.requests == requests
    assert set(visitor.statuses) == {200}
    assert run_ended(world, str(row.flow_run_id))["state"]["type"] == "COMPLETED"
    new_urls = shown_urls(world, database, prefix)
    assert len(new_urls) == len(old_urls)
    assert not set(new_urls) & set(old_urls)
    assert {world.call("GET", url).status_code for url in new_urls} == {200}
    status, again = asked(world, sku_prefix=prefix)
    assert (status, again["batch_id"], again["images"]) == (200, None, 0)


@pytest.mark.thorough
@pytest.mark.usefixtures("newer_worker")
def test_the_deployment_counts_and_then_makes_the_same_in_its_own_run(
    world: World, database: Database, shop: Shop
) -> None:
    prefix = shop.prefixes[1]
    requests, rows = shop.pictures.requests.copy(), amounts(database)

    counted = run_ended(world, deployed(world, sku_prefix=prefix, dry_run=True)["id"])
    assert counted["state"]["type"] == "COMPLETED"
    assert f"Would make {FEW} images of {FEW} products" in counted["state"]["message"]
    assert amounts(database) == rows

    run = run_ended(world, deployed(world, preset=PRESET, sku_prefix=prefix)["id"])
    batch = shown_batch(database, run["id"])
    assert (run["state"]["type"], run["run_count"]) == ("COMPLETED", 1)
    assert run["state"]["message"] == f"{FEW} of {FEW} products are ready."
    assert run["work_pool_name"] == "product-images-batches"
    assert batch_row(database, batch).state is BatchState.READY
    assert fingerprints(database, prefix) == {shop.fingerprint: FEW}
    assert shop.pictures.requests == requests
    others = world.flow_runs(flow_runs={"tags": {"all_": [f"batch:{batch}"]}})
    assert [other["name"].rpartition(" · ")[2] for other in others] == [f"{FEW} products"]

    nothing = run_ended(world, deployed(world, sku_prefix=prefix)["id"])
    assert nothing["state"]["type"] == "COMPLETED"
    assert nothing["state"]["message"] == "Nothing is to be regenerated."
