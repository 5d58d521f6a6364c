"""How fast a large catalogue is accepted, planned, cancelled, retried and reported."""

import time
from collections.abc import Callable, Iterator
from uuid import UUID

import requests
from rich.console import Console
from rich.table import Table

from api.batch_report import csv_report
from infra.db.engine import Database
from infra.migrate import upgrade
from infra.settings import DatabaseSettings
from infra.stack.stack import Stack
from tasks.batches.cancel import cancel_batch
from tasks.batches.report import report_lines
from tasks.batches.retry import retry_batch
from tasks.imports.plan import plan_some
from tests.contract.api.running import Api
from tests.contract.api.served import peak_bytes, served_api
from tests.integration.database.fresh import empty_database

_ROWS = 100_000
_IMAGES = 3
_SLICE = 1_000
_SECONDS = 1_200
_TEXT = "A soft and light shoe for every day. " * 20


def measure_imports(stack: Stack, console: Console) -> None:
    """Print rows per second for each step, and the API's memory before and after."""
    table = Table("step", "rows/s", "note")
    with (
        empty_database(stack.description.postgres_url) as url,
        Database(DatabaseSettings(url=url)) as database,
    ):
        upgrade(url)
        with served_api(stack.description, url) as (api, process_id):
            _send(api, "W", 1_000)
            few = peak_bytes(process_id)
            batch_id = _timed(table, "POST /imports", lambda: _send(api, "S", _ROWS))
            many = peak_bytes(process_id)
            table.add_row("", "", f"peak memory {few >> 20} MiB, then {many >> 20} MiB")
            again = _send(api, "S", _ROWS)
        _timed(table, f"plan, {_IMAGES} images a row", lambda: _plan(database, batch_id))
        _timed(table, "report", lambda: _report(database, batch_id))
        _timed(table, "cancel", lambda: cancel_batch(database, batch_id))
        _timed(table, "retry", lambda: retry_batch(database, batch_id))
        _timed(table, "plan of known products", lambda: _plan(database, again))
    console.print(table)


def _timed(table: Table, name: str, work: Callable[[], UUID | None]) -> UUID:
    started = time.perf_counter()
    result = work()
    table.add_row(name, f"{_ROWS / (time.perf_counter() - started):,.0f}", "")
    return result or UUID(int=0)


def _lines(prefix: str, rows: int) -> Iterator[bytes]:
    yield b"sku,name,description,price,currency,image_urls\n"
    for number in range(rows):
        urls = " ".join(f"https://s.example/{number}/{image}.jpg" for image in range(_IMAGES))
        yield f"{prefix}-{number},Shoe {number},{_TEXT},9.90,EUR,{urls}\n".encode()


def _send(api: Api, prefix: str, rows: int) -> UUID:
    response = requests.post(
        f"{api.url}/imports",
        data=_lines(prefix, rows),
        headers={"Content-Type": "text/csv"},
        timeout=_SECONDS,
    )
    response.raise_for_status()
    return UUID(response.json()["batch_id"])


def _plan(database: Database, batch_id: UUID) -> None:
    while plan_some(database, batch_id, limit=_SLICE):
        pass


def _report(database: Database, batch_id: UUID) -> None:
    for _ in csv_report(report_lines(database, batch_id), "https://assets.example"):
        pass
