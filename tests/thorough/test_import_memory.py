"""A hundred thousand products pass through the API without staying in its memory."""

from collections.abc import Iterator

import pytest
import requests

from infra.db.engine import Database
from infra.settings.sections import DatabaseSettings
from infra.stack.stack import Stack
from tests.contract.api.support.running import Api
from tests.contract.api.support.served import peak_bytes, served_api
from tests.integration.database.fresh import tabled_database
from tests.integration.tasks.job_rows import count

FEW, MANY = 1_000, 100_000
ALLOWED_BYTES = 64 * 1024 * 1024
SECONDS = 540
TEXT = "A soft, light shoe for every day. " * 20


def lines(first: int, rows: int) -> Iterator[bytes]:
    yield b"sku,name,description,price,currency,image_urls\n"
    for number in range(first, first + rows):
        urls = " ".join(f"https://s.example/{number}/{image}.jpg" for image in range(3))
        yield f"S-{number},Shoe {number},{TEXT.replace(',', '')},9.90,EUR,{urls}\n".encode()


def send(api: Api, first: int, rows: int) -> requests.Response:
    return api.session.post(
        f"{api.url}/imports",
        data=lines(first, rows),
        headers={"Content-Type": "text/csv", "Idempotency-Key": f"{first}"},
        timeout=SECONDS,
    )


@pytest.fixture(scope="module")
def served(stack: Stack) -> Iterator[tuple[Api, int, Database]]:
    with (
        tabled_database(stack.description.postgres_url) as url,
        Database(DatabaseSettings(url=url)) as rows,
        served_api(stack.description, url) as api,
    ):
        yield (*api, rows)


def test_many_rows_need_no_more_memory_than_few(served: tuple[Api, int, Database]) -> None:
    api, process_id, rows = served
    assert send(api, 0, FEW).status_code == 202
    few = peak_bytes(process_id)

    response = send(api, FEW, MANY)

    assert response.status_code == 202, response.text
    assert response.json()["accepted"] == MANY
    assert count(rows, "import_rows") == FEW + MANY
    many = peak_bytes(process_id)
    assert many < few + ALLOWED_BYTES, f"{few >> 20} MiB for few rows, {many >> 20} for many"
