"""`product-images import` and `batches` against the real API."""

import csv
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from uuid import UUID

import pytest

from infra.db.engine import Database
from tasks.batches.settle import settle_batch
from tests.commands import Done, run
from tests.contract.api.support.importing import catalogue, imported, jobs_of, skus
from tests.contract.api.support.running import Api
from tests.contract.api.support.worker_part import fail, held
from tests.waiting import eventually

NO_IMAGES = (
    "No column has images: the file changes products only. Say which one has them with "
    "map=COLUMN:image_urls."
)
UNKNOWN = "019b0c5e-7a1f-7c3d-9e52-4f0d6a8b1c2e"
Command = Callable[..., Done]


@pytest.fixture
def command(api: Api, tmp_path: Path) -> Command:
    """Run a command against the suite's API."""

    def start(*arguments: str, typed: str = "", **environment: str) -> Done:
        return run(tmp_path, *arguments, typed=typed, **{"API_URL": api.url, **environment})

    return start


def test_a_file_is_imported_under_its_name(api: Api, command: Command, tmp_path: Path) -> None:
    (tmp_path / "shop.csv").write_text(catalogue(skus(2)))

    done = command("import", "shop.csv", "--json")

    assert (done.status, done.err) == (0, "")
    assert (done.document["rows"], done.document["rejected"]) == (2, 0)
    assert api.get(done.document["status_url"])["name"] == "shop.csv"


def test_lines_of_json_come_from_standard_input(command: Command) -> None:
    done = command("import", "-", typed=f'{{"sku": "{skus(1)[0]}"}}\n')
    assert done.status == 0, done.err
    assert "1 rows, 0 of them with errors" in done.out


def test_bad_rows_are_told_line_by_line(command: Command, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("sku,price\nA,x\n,1\n")

    done = command("import", "bad.csv")

    assert (done.status, done.out) == (1, "")
    assert "line 2, price: " in done.err
    assert "line 3, sku: Every row needs a sku. (invalid_request)" in done.err
    assert "(invalid_rows)" in done.err


def test_a_dry_run_says_how_the_file_is_read_and_what_would_be(
    command: Command, tmp_path: Path
) -> None:
    (tmp_path / "bad.csv").write_text("Art;price;colour\nA;x;red\nB;;blue\n")

    refused = command("import", "bad.csv", "--dry-run", "--map", "Art:sku")
    assert refused.status == 1
    assert refused.out.splitlines() == [
        "Read as CSV, utf-8, separated by semicolon, our own columns.",
        "column  field",
        "Art     sku  ",
        "price   price",
        "Ignored: colour.",
        f"Note: {NO_IMAGES}",
        "The first 1 of 1 products:",
        "  line 3: B",
        "The file would be refused: 2 rows, 1 of them with errors.",
    ]
    assert "line 2, price: " in refused.err
    taken = command("import", "bad.csv", "--dry-run", "--map", "Art:sku", "--policy", "reject_rows")
    assert (taken.status, "would be accepted" in taken.out) == (0, True)
    strict = command("import", "bad.csv", "--dry-run", "--map", "Art:sku", "--strict")
    assert (strict.status, "(bad_header)" in strict.err) == (1, True)


def test_a_file_sent_again_with_a_key_is_one_batch(command: Command, tmp_path: Path) -> None:
    (tmp_path / "shop.csv").write_text(catalogue(skus(1)))
    first, again = (
        command("import", "shop.csv", "--key", str(tmp_path), "--json").document for _ in range(2)
    )
    assert first["batch_id"] == again["batch_id"]


def test_a_file_that_is_not_there_is_a_sentence(command: Command) -> None:
    done = command("import", "nothing.csv")
    assert done.status == 2
    assert "There is no file" in done.err


def test_an_import_is_watched_to_its_end(
    api: Api, rows: Database, command: Command, tmp_path: Path
) -> None:
    (own,) = skus(1)
    (tmp_path / f"{own}.csv").write_text(catalogue(skus(2)))

    def found() -> list[str]:
        listed = api.get("/batches", limit=100)["batches"]
        return [batch["id"] for batch in listed if batch["name"] == f"{own}.csv"]

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(command, "import", f"{own}.csv", "--watch", "--json")
        (batch_id,) = eventually(found, "the batch is there")
        api.call("POST", f"/batches/{batch_id}/cancel")
        done = watching.result()

    assert (done.status, done.err) == (1, "")
    assert (done.document["id"], done.document["state"]) == (batch_id, "cancelled")


@pytest.fixture
def ended(api: Api, rows: Database) -> str:
    """A batch whose only job failed."""
    names = skus(1)
    batch_id = imported(api, rows, catalogue(names), name="autumn")
    fail(rows, held(rows, jobs_of(api, names)[0]["id"]))
    settle_batch(rows, UUID(batch_id))
    return batch_id


def test_batches_are_listed_and_shown(command: Command, ended: str) -> None:
    listed = command("batches", "list", "--state", "failed", "--limit", "100")
    assert ended in listed.out
    assert "autumn" in listed.out
    shown = command("batches", "show", ended)
    assert f"Batch {ended} is failed" in shown.out
    assert "1 failed" in shown.out
    assert command("batches", "show", ended, "--json").document["id"] == ended


def test_a_report_goes_to_the_terminal_or_a_file(
    command: Command, ended: str, tmp_path: Path
) -> None:
    done = command("batches", "report", ended)
    assert done.status == 0
    (line,) = csv.DictReader(StringIO(done.out))
    assert (line["state"], line["error_code"]) == ("failed", "http_404")

    assert command("batches", "report", ended, "-o", "report.csv").status == 0
    assert (tmp_path / "report.csv").read_text() == done.out  # both with plain line ends
    assert [path.name for path in tmp_path.iterdir()] == ["report.csv"]


def test_a_batch_is_retried_and_cancelled(api: Api, command: Command, ended: str) -> None:
    done = command("batches", "retry", ended)
    assert (done.status, "is running" in done.out) == (0, True)
    done = command("batches", "cancel", ended, "--watch")
    assert (done.status, f"Batch {ended} is cancelled" in done.out) == (0, True)
    done = command("batches", "watch", ended)
    assert (done.status, "is cancelled" in done.out) == (1, True)


def test_refusals_are_sentences(command: Command, ended: str) -> None:
    for arguments, told in (
        (("batches", "cancel", ended), "(batch_is_final)"),
        (("batches", "show", UNKNOWN), "(not_found)"),
        (("batches", "report", UNKNOWN), "(not_found)"),
        (("batches", "show", "7"), "not a batch id"),
    ):
        done = command(*arguments)
        assert done.status != 0
        assert told in done.err, arguments
        assert "Traceback" not in done.err
