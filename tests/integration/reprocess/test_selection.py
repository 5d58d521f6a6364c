"""Which images a selection takes, on rows as workers write them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from infra.contract.errors import ErrorCode, Rejected
from infra.db.engine import Database
from tasks.imaging.presets.fingerprint import policy_fingerprint
from tasks.jobs.record import record
from tasks.reprocess.estimate import estimate
from tasks.reprocess.selector import Selector
from tasks.reprocess.start import start
from tasks.reprocess.targets import register_focus
from tasks.submission.submit import Submission, submit
from tests.integration.reprocess.catalogue import (
    PRESETS,
    chosen,
    finish,
    jobs_of,
    made,
    planned,
    publish,
    run,
)
from tests.integration.tasks.job_rows import claimed, count, failed, image_rows, submitted, url

OLDER = "0" * 16
TODAY = datetime.now(UTC)


def write_policy(database: Database, fingerprint_: str, *, preset: str, revision: str) -> None:
    run(
        database,
        "INSERT INTO policies (fingerprint, preset, revision, pipeline) VALUES (:f, :p, :r, 1)",
        f=fingerprint_,
        p=preset,
        r=revision,
    )


def target(database: Database, preset: str = "web") -> str:
    with database.transaction() as session:
        found = session.scalar(
            text("SELECT revision FROM preset_targets WHERE preset = :p"), {"p": preset}
        )
    return str(found)


def test_nothing_is_stale_while_the_targets_are_what_workers_make(database: Database) -> None:
    made(database, "a", sku="S-1")

    assert chosen(database, Selector()) == []


def test_an_image_around_a_focal_point_is_as_up_to_date_as_its_preset(database: Database) -> None:
    preset = PRESETS.named("thumbnail")
    focused = preset.around((0.25, 0.75))
    register_focus(database, preset, focused)
    made(database, "a", sku="S-1", preset="thumbnail", by=policy_fingerprint(focused))

    assert chosen(database, Selector()) == []
    assert chosen(database, Selector(), publish(database, "thumbnail")) == ["a"]


def test_a_changed_preset_makes_what_is_shown_in_it_stale_and_nothing_else(
    database: Database,
) -> None:
    made(database, "a", sku="S-1")
    made(database, "b", sku="S-2", preset="thumbnail")

    presets = publish(database, "web")

    assert chosen(database, Selector(), presets) == ["a"]


def test_another_encoder_alone_makes_nothing_stale(database: Database) -> None:
    write_policy(database, OLDER, preset="web", revision=target(database))
    made(database, "a", sku="S-1", by=OLDER)

    assert chosen(database, Selector()) == []


def test_what_an_unknown_policy_made_is_stale(database: Database) -> None:
    made(database, "a", sku="S-1", by=OLDER)

    assert chosen(database, Selector()) == ["a"]


def test_a_preset_that_has_gone_has_no_stale_images_but_can_become_another(
    database: Database,
) -> None:
    made(database, "a", sku="S-1", preset="web")
    run(database, "DELETE FROM preset_targets WHERE preset = 'web'")

    assert chosen(database, Selector()) == []
    assert chosen(database, Selector(preset="web", to_preset="thumbnail")) == ["a"]


def test_another_preset_takes_all_that_is_not_shown_in_it_already(database: Database) -> None:
    made(database, "a", sku="S-1")
    made(database, "b", sku="S-2", preset="thumbnail")

    assert chosen(database, Selector(to_preset="thumbnail")) == ["a"]


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        (Selector(skus=("S-1", "T-1")), ["a", "c"]),
        (Selector(sku_prefix="S-"), ["a", "b"]),
        (Selector(sku_prefix="S_"), []),
        (Selector(preset="thumbnail"), ["c"]),
        (Selector(host="supplier.example"), ["a", "b", "c"]),
        (Selector(created_since=TODAY - timedelta(days=1)), ["a", "b", "c"]),
        (Selector(created_until=TODAY - timedelta(days=1)), []),
        (Selector(updated_since=TODAY - timedelta(days=1), sku_prefix="T"), ["c"]),
        (Selector(updated_until=TODAY - timedelta(days=1)), []),
        (Selector(limit=2), None),
    ],
)
def test_each_condition_takes_its_images_and_all_must_hold(
    database: Database, selector: Selector, names: list[str] | None
) -> None:
    for name, sku, preset in (("a", "S-1", "web"), ("b", "S-2", "web"), ("c", "T-1", "thumbnail")):
        made(database, name, sku=sku, preset=preset)
    presets = publish(database, "web", "thumbnail")

    found = chosen(database, selector, presets)

    assert found == names if names is not None else len(found) == 2


def test_ids_take_their_images(database: Database) -> None:
    product = made(database, "a", "b", sku="S-1")
    made(database, "c", sku="S-2")
    presets = publish(database, "web")
    second = image_rows(database, product)[1].id

    assert chosen(database, Selector(image_ids=(second,)), presets) == ["b"]
    assert chosen(database, Selector(product_ids=(product,), force=True), presets) == ["a", "b"]


def test_force_and_all_take_what_is_up_to_date(database: Database) -> None:
    made(database, "a", sku="S-1")

    assert chosen(database, Selector(stale=False)) == ["a"]
    assert chosen(database, Selector(force=True)) == ["a"]


def test_what_failed_is_taken_by_its_code_where_a_source_may_be_asked(database: Database) -> None:
    job = submitted(database, "a", "b", sku="S-1")
    mine = claimed(database, job.job_id)
    record(database, mine, [failed(mine.images[0]), failed(mine.images[1], "corrupt")])

    without = estimate(database, Selector(failed_with="http_404"), PRESETS)
    found = chosen(database, Selector(failed_with="http_404", refetch=True))

    assert (without.images, without.without_original) == (0, 1)
    assert found == ["a"]


def test_what_another_job_will_make_is_left_to_it(database: Database) -> None:
    made(database, "a", sku="S-1")
    presets = publish(database, "web")
    submit(database, Submission(preset="web", urls=(url("a"),), sku="S-1"))

    assert chosen(database, Selector(), presets) == []
    assert chosen(database, Selector(to_preset="thumbnail"), presets) == ["a"]


def test_the_second_run_finds_nothing_once_the_first_was_done(database: Database) -> None:
    made(database, "a", sku="S-1")
    presets = publish(database, "web")
    first = start(database, Selector(), presets)
    assert first.batch_id is not None
    planned(database, first.batch_id)
    (job,) = jobs_of(database, first.batch_id)
    finish(database, claimed(database, job.id), by=policy_fingerprint(presets.named("web")))

    again = start(database, Selector(), presets)

    assert (again.batch_id, again.estimate.images) == (None, 0)
    assert count(database, "batches") == 1


@pytest.mark.parametrize(
    ("selector", "code"),
    [
        (Selector(preset="none"), ErrorCode.UNKNOWN_PRESET),
        (Selector(to_preset="none"), ErrorCode.UNKNOWN_PRESET),
        (Selector(host="nobody.example"), ErrorCode.UNKNOWN_HOST),
        (Selector(skus=("S-1", "NONE")), ErrorCode.UNKNOWN_SKU),
        (Selector(image_ids=(uuid4(),)), ErrorCode.UNKNOWN_ID),
        (Selector(product_ids=(UUID(int=1),)), ErrorCode.UNKNOWN_ID),
        (Selector(failed_with="tired"), ErrorCode.UNKNOWN_ERROR_CODE),
    ],
)
def test_what_does_not_exist_is_refused_by_its_own_code(
    database: Database, selector: Selector, code: str
) -> None:
    made(database, "a", sku="S-1")

    with pytest.raises(Rejected) as refused:
        start(database, selector, PRESETS)

    assert (refused.value.status, refused.value.code) == (422, code)
    assert count(database, "batches") == 0


def test_an_estimate_counts_equal_pictures_once_and_touches_nothing(database: Database) -> None:
    made(database, "a", sku="S-1")
    made(database, "a", "b", sku="S-2")
    presets = publish(database, "web")

    found = estimate(database, Selector(), presets)

    assert (found.products, found.images) == (2, 3)
    assert found.bytes == 2 * 1000
    assert found.variants == 2 * 4 * 2  # 1200 px wide: 1200, 800, 400, 200, each in two formats
    assert found.estimated_cpu_seconds > 0
    assert count(database, "batches") == 0


def test_an_estimate_uses_what_pictures_have_cost_here(database: Database) -> None:
    made(database, "a", sku="S-1")
    run(database, "UPDATE job_images SET cpu_seconds = 10.8")  # for 1200 x 900 pixels

    found = estimate(database, Selector(force=True), PRESETS)

    assert found.estimated_cpu_seconds == pytest.approx(10.8, abs=0.1)
