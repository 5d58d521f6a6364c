"""Upkeep and reprocessing started by a person: by the forms in Prefect's UI, and by commands."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.commands import Done, run
from tests.e2e.upkeep_runs import Bucket, artifact, refused, retried, started
from tests.pictures import PictureServer, photo
from tests.waiting import eventually
from tests.world import World

Command = Callable[..., Done]


@pytest.fixture
def command(world: World, tmp_path: Path) -> Command:
    """Run commands that find the stack by its description."""
    local = tmp_path / ".local"
    local.mkdir()
    (local / "stack.json").write_text(world.stack.description.as_json())
    return lambda *arguments: run(tmp_path, *arguments)


@pytest.fixture
def bucket(world: World) -> Bucket:
    return Bucket(world)


def uploaded(world: World, body: bytes, sku: str) -> Any:
    """Upload one file; return its finished job."""
    response = world.call(
        "POST",
        "/process-image",
        data={"sku": sku},
        files={"file": ("picture.jpg", body, "image/jpeg")},
    )
    assert response.status_code == 202, response.text
    return world.finished(response.json()["job_id"])


def original_key(body: bytes) -> str:
    return f"originals/{hashlib.sha256(body).hexdigest()}.jpg"


def variant_key(world: World, job: Any) -> str:
    """Return the key of the first variant that a job has made."""
    url: str = job["images"][0]["variants"][0]["url"]
    return url.removeprefix(
        f"{world.stack.description.s3_endpoint}/{world.stack.description.s3_bucket}/"
    )


def test_a_collection_counts_or_keeps_young_objects_and_shows_a_table(
    world: World, bucket: Bucket
) -> None:
    orphan = f"originals/{hashlib.sha256(uuid4().bytes).hexdigest()}.jpg"
    bucket.put(orphan, b"nobody's")

    counted = started(world, "collect-garbage", dry_run=True, older_than_hours=1e-6)
    collected = started(world, "collect-garbage")

    assert [each["state"]["type"] for each in (counted, collected)] == ["COMPLETED"] * 2
    assert "would be removed" in artifact(world, counted)["description"]
    assert "| what | count | bytes |" in artifact(world, counted)["data"]
    assert "were removed" in artifact(world, collected)["description"]
    assert not artifact(world, counted)["description"].startswith("0 things")
    assert bucket.has(orphan)
    bucket.remove(orphan)


def test_a_verification_is_green_for_what_is_made_again_and_red_for_what_must_be_sent_again(
    world: World, pictures: PictureServer, bucket: Bucket, command: Command
) -> None:
    pictures.bodies["/shown.jpg"] = photo(300, 200, seed=7300)
    job = world.finished(world.post(pictures.url("/shown.jpg"))["job_id"])
    lost = variant_key(world, job)
    bucket.remove(lost)

    green = started(world, "verify", everything=True)

    assert green["state"]["type"] == "COMPLETED"
    assert lost in artifact(world, green)["data"].replace("\\", "")
    eventually(lambda: bucket.has(lost), "the variant is made again", seconds=120)

    body, sku = photo(300, 200, seed=uuid4().int), f"UPKEEP-{uuid4().hex[:8]}"
    assert uploaded(world, body, sku)["state"] == "ready"
    bucket.remove(original_key(body))

    red = started(world, "verify", everything=True)

    assert red["state"]["type"] == "FAILED"
    assert "upload the files of these products again" in red["state"]["message"]
    (row,) = [line for line in artifact(world, red)["data"].splitlines() if "impossible" in line]
    assert original_key(body) in row.replace("\\", "")
    assert sku in row.replace("\\", "")
    broken = command("verify", "--all")
    assert (broken.status, sku in broken.out) == (1, True)

    assert uploaded(world, body, sku)["state"] == "ready"
    whole = command("verify", "--all")
    assert (whole.status, whole.err) == (0, "")
    assert whole.out.endswith("originals looked at; 0 broken.\n")


def test_a_night_leaves_alone_what_failed_for_good(world: World) -> None:
    job = uploaded(world, b"\xff\xd8\xff\xe0" + b"no picture" * 100, f"UPKEEP-{uuid4().hex[:8]}")
    assert job["images"][0]["error"]["retryable"] is False

    night = started(world, "reprocess-stale")

    assert night["state"]["type"] == "COMPLETED"
    assert night["state"]["message"] == "Nothing is to be regenerated."


def test_a_retried_reprocess_goes_on_with_its_batch_and_then_has_nothing_to_do(
    world: World, pictures: PictureServer, bucket: Bucket
) -> None:
    body = photo(300, 200, seed=7310)
    pictures.bodies["/small.jpg"] = body
    job = world.finished(world.post(pictures.url("/small.jpg"))["job_id"])
    bucket.remove(original_key(body))

    selection = {"product_ids": [job["product_id"]], "force": True}
    failed = started(world, "reprocess", selection=selection)
    bucket.put(original_key(body), body)
    again = retried(world, failed)
    idle = retried(world, again)

    assert (failed["state"]["type"], failed["state"]["message"]) == (
        "FAILED",
        "0 of 1 products are ready.",
    )
    assert (again["state"]["type"], again["state"]["message"]) == (
        "COMPLETED",
        "1 of 1 products are ready.",
    )
    assert idle["state"]["type"] == "COMPLETED"
    assert f"Nothing to do: batch {failed['id']} is ready." in idle["state"]["message"]
    batch = world.call("GET", f"/batches/{failed['id']}").json()
    assert (batch["state"], batch["flow_run_id"]) == ("ready", failed["id"])
    (made,) = world.call("GET", "/jobs", params={"limit": 1}).json()["jobs"]
    assert world.flow_run(made["flow_run_id"])["state"]["type"] == "COMPLETED"


@pytest.mark.parametrize(
    ("name", "parameters", "word"),
    [
        ("verify", {"count": 0}, "count"),
        ("verify", {"deep": "perhaps"}, "deep"),
        ("collect-garbage", {"older_than_hours": -1}, "older_than_hours"),
        ("reprocess", {"selection": {"limit": 0}}, "limit"),
        ("reprocess", {"selection": {"colour": "red"}}, "colour"),
    ],
)
def test_a_form_refuses_a_wrong_value_by_its_name(
    world: World, name: str, parameters: Any, word: str
) -> None:
    assert word in refused(world, name, **parameters)


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ({"preset": "none"}, "(unknown_preset)"),
        (
            {"created_since": "2026-01-01T00:00:00"},
            "created_since has no time zone; add Z for UTC",
        ),
    ],
)
def test_a_selection_that_makes_no_sense_fails_with_a_sentence(
    world: World, selection: Any, words: str
) -> None:
    ran = started(world, "reprocess", selection={**selection, "dry_run": True})

    assert ran["state"]["type"] == "FAILED"
    assert words in ran["state"]["message"]


def test_commands_count_what_would_be_done(command: Command) -> None:
    garbage = command("collect-garbage", "--dry-run")
    stale = command("reprocess", "--dry-run")

    assert (garbage.status, garbage.err) == (0, "")
    assert garbage.out.startswith("Would be removed:\n")
    assert (stale.status, stale.err) == (0, "")
    assert stale.out.startswith("Nothing is to be regenerated.")
