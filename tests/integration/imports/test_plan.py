"""What a plan writes: products, images and jobs of the next rows, once, whatever happens."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from uuid import UUID

import pytest

from infra.contract.states import ImageState, JobState, Lane
from infra.db.engine import Database
from infra.db.ids import new_id
from infra.settings.sections import inherited_environment
from tasks.batches.cancel import request_cancel
from tasks.imports.plan import plan_some
from tasks.jobs.claim import Claim, claim
from tasks.products.change import change
from tests.integration.imports.files import (
    batch_row,
    catalogue,
    import_rows,
    imported,
    jobs_of,
    planned,
    product,
)
from tests.integration.tasks.job_rows import (
    SETTINGS,
    at_once,
    claimed,
    count,
    finished,
    image_rows,
    outcome_rows,
    submitted,
    url,
)
from tests.waiting import eventually


def test_a_row_becomes_a_product_with_a_job_in_the_bulk_lane(database: Database) -> None:
    batch_id = planned(
        database,
        "sku,name,price,currency,image_urls,alt_texts,metadata\n"
        f'A,Shoe,9.90,EUR,{url("x")} {url("y")},|Back,"{{""a"": 1}}"\n',
        callback_url="https://shop.example/done",
    )

    (job,) = jobs_of(database, batch_id)
    assert (job.state, job.lane, job.preset) == (JobState.QUEUED, Lane.BULK, "web")
    assert (job.batch_position, job.chunk_id, job.dispatched_at) == (2, None, None)
    assert (job.details, job.callback_url) == ({"a": 1}, None)
    row = product(database, "A")
    assert (row.id, row.name, row.price, row.currency) == (
        job.product_id,
        "Shoe",
        Decimal("9.90"),
        "EUR",
    )
    images = image_rows(database, job.product_id)
    assert [(i.source_url, i.position, i.alt, i.state) for i in images] == [
        (url("x"), 0, None, ImageState.QUEUED),
        (url("y"), 1, "Back", ImageState.QUEUED),
    ]
    assert [row.image_id for row in outcome_rows(database, job.id)] == [i.id for i in images]
    assert [row.job_id for row in import_rows(database, batch_id)] == [job.id]
    assert batch_row(database, batch_id).planned_at is not None


def test_a_planned_job_can_be_claimed_and_names_its_images(database: Database) -> None:
    batch_id = planned(database, f"sku,image_urls\nA,{url('x')}\n")
    (job,) = jobs_of(database, batch_id)

    mine = claim(database, job.id, owner="w", settings=SETTINGS)

    assert isinstance(mine, Claim)
    assert [image.source_url for image in mine.images] == [url("x")]


def test_what_a_row_does_not_say_stays(database: Database) -> None:
    job = finished(database, "x", "y", sku="A")
    fields = {"name": "Old", "description": "Long", "price": Decimal(5), "currency": "USD"}
    change(database, job.product_id, fields)

    planned(database, f"sku,name,price,image_urls\nA,,7.5,{url('z')} {url('x')}\n")

    row = product(database, "A")
    assert (row.name, row.description, row.price, row.currency) == (
        "Old",
        "Long",
        Decimal("7.5"),
        "USD",
    )
    images = image_rows(database, job.product_id)
    assert [(i.source_url, i.state) for i in images] == [
        (url("x"), ImageState.QUEUED),
        (url("y"), ImageState.READY),
        (url("z"), ImageState.QUEUED),
    ]
    assert images[0].original_sha256 is not None  # shown until the new one is there


def test_half_a_price_needs_a_product_that_has_the_other_half(database: Database) -> None:
    job = finished(database, "x", sku="A")
    change(database, job.product_id, {"price": Decimal(5), "currency": "USD"})

    batch_id = planned(database, "sku,price,currency\nA,,EUR\nB,5,\nC,5,EUR\n")

    assert (product(database, "A").price, product(database, "A").currency) == (5, "EUR")
    assert product(database, "B") is None
    assert product(database, "C").price == 5
    assert [row.error_code for row in import_rows(database, batch_id)] == [
        None,
        "invalid_request",
        None,
    ]
    rows = batch_row(database, batch_id).options["rows"]
    assert rows == {"total": 3, "accepted": 2, "rejected": 1}


def test_a_row_without_images_writes_its_product_alone(database: Database) -> None:
    batch_id = planned(database, "sku,name\nA,Shoe\n")

    assert product(database, "A").name == "Shoe"
    assert count(database, "jobs") == 0
    assert batch_row(database, batch_id).planned_at is not None


def test_a_row_that_says_nothing_new_does_not_touch_the_product(database: Database) -> None:
    planned(database, "sku,name\nA,Shoe\n")
    before = product(database, "A").updated_at

    planned(database, "sku,name,owner_id\nA,Shoe,\n")
    assert product(database, "A").updated_at == before

    planned(database, "sku,name\nA,Boot\n")
    assert product(database, "A").updated_at > before


def test_new_images_move_the_version_of_a_product_whose_fields_are_the_same(
    database: Database,
) -> None:
    planned(database, "sku,name\nA,Shoe\n")
    before = product(database, "A").updated_at

    planned(database, f"sku,name,image_urls\nA,Shoe,{url('x')}\n")

    assert product(database, "A").updated_at > before


def test_slices_are_told_and_zero_is_the_end(database: Database) -> None:
    batch_id = imported(database, catalogue(5) + "\nX,Only,,,")

    told = [plan_some(database, batch_id, limit=3) for _ in range(4)]

    assert told == [3, 3, 0, 0]
    assert batch_row(database, batch_id).planned_at is not None
    assert [job.batch_position for job in jobs_of(database, batch_id)] == [2, 3, 4, 5, 6]


def test_rejected_rows_are_never_planned_and_rows_of_one_sku_are_one_job(
    database: Database,
) -> None:
    batch_id = planned(database, f"sku,image_urls\nA,{url('x')}\nB,nonsense\nA,{url('y')}\n")

    (job,) = jobs_of(database, batch_id)
    assert job.batch_position == 2
    images = image_rows(database, job.product_id)
    assert [image.source_url for image in images] == [url("x"), url("y")]
    assert [row.error_code for row in import_rows(database, batch_id)] == [None, "invalid_url"]


def test_each_row_of_a_product_counts_when_the_plan_rejects_it(database: Database) -> None:
    batch_id = planned(database, f"sku,price,image_urls\nA,5,{url('x')}\nA,,{url('y')}\nB,,\n")

    assert batch_row(database, batch_id).options["rows"] == {
        "total": 3,
        "accepted": 1,
        "rejected": 2,
    }


def test_nothing_is_planned_for_a_batch_that_is_to_end_or_not_there(database: Database) -> None:
    batch_id = imported(database, catalogue(3))
    request_cancel(database, batch_id)

    assert plan_some(database, batch_id, limit=10) == 0
    assert plan_some(database, new_id(), limit=10) == 0
    assert count(database, "jobs") == 0
    assert batch_row(database, batch_id).planned_at is None


PLANNER = """
import sys
from infra.db.engine import Database
from infra.settings.sections import DatabaseSettings
from tasks.imports.plan import plan_some
with Database(DatabaseSettings.load(env_file=None)) as database:
    while plan_some(database, sys.argv[1], limit=20):
        pass
"""


def test_a_plan_whose_process_is_killed_goes_on_and_plans_no_row_twice(
    database: Database, own_url: str
) -> None:
    batch_id = imported(database, catalogue(3_000, images=2))

    for target in (200, 900):
        planner = start_planner(own_url, batch_id)
        eventually(partial(_has, database, target), f"{target} jobs", every_seconds=0.005)
        os.kill(planner.pid, signal.SIGKILL)
        planner.wait(30)
        jobs = jobs_of(database, batch_id)
        assert len(jobs) < 3_000, "it was to be killed on its way"
        assert len(jobs) % 20 == 0  # whole slices only
        assert (batch_row(database, batch_id).plan_cursor or {})["line"] == len(jobs) + 1
    while plan_some(database, batch_id, limit=500):
        pass

    assert [job.batch_position for job in jobs_of(database, batch_id)] == list(range(2, 3_002))
    for table, rows in {"products": 3_000, "images": 6_000, "job_images": 6_000}.items():
        assert count(database, table) == rows


def start_planner(url: str, batch_id: UUID) -> subprocess.Popen[bytes]:
    environment = {**inherited_environment(), "DATABASE_URL": url}
    return subprocess.Popen([sys.executable, "-c", PLANNER, str(batch_id)], env=environment)


def _has(database: Database, jobs: int) -> bool:
    return count(database, "jobs") >= jobs


@pytest.fixture
def own_url(own_database: Database) -> str:
    """The URL of the suite's database."""
    return own_database._engine.url.render_as_string(hide_password=False)


def test_planners_of_one_batch_take_turns(database: Database) -> None:
    batch_id = imported(database, catalogue(400))

    def work() -> int:
        total = 0
        while told := plan_some(database, batch_id, limit=20):
            total += told
        return total

    assert sum(at_once([work] * 6)) == 400
    assert count(database, "jobs") == 400


def test_files_with_the_same_skus_are_planned_at_once_without_a_circle(database: Database) -> None:
    lines = catalogue(300).splitlines()
    backwards = "\n".join([lines[0], *lines[:0:-1]])
    batches = [imported(database, text) for text in (catalogue(300), backwards) * 2]

    def work(batch_id: UUID) -> None:
        while plan_some(database, batch_id, limit=50):
            pass

    at_once(partial(work, batch_id) for batch_id in batches)

    assert count(database, "products") == 300
    assert count(database, "images") == 300
    assert count(database, "jobs") == 4 * 300


def test_posts_and_claims_of_the_same_products_go_on_meanwhile(database: Database) -> None:
    batch_id = imported(database, catalogue(200))

    def work() -> None:
        while plan_some(database, batch_id, limit=20):
            pass

    def post(number: int) -> None:
        job = submitted(database, f"p{number}", sku=f"S-{number:06}")
        claimed(database, job.job_id)

    with ThreadPoolExecutor(5) as pool:
        planning = pool.submit(work)
        for done in [pool.submit(post, number) for number in range(199, 99, -1)]:
            done.result(60)
        planning.result(60)

    assert count(database, "products") == 200
    assert count(database, "images") == 300
