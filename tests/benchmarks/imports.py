"""How fast a large catalogue is read, accepted, planned, cancelled, retried and reported."""

import time
from collections.abc import Callable, Iterator
from uuid import UUID

import requests
from rich.console import Console
from rich.table import Table

from api.schemas.batch_report import csv_report
from infra.db.engine import Database
from infra.migrate import upgrade
from infra.settings.sections import DatabaseSettings
from infra.stack.stack import Stack
from tasks.batches.cancel import cancel_batch
from tasks.batches.report import report_lines
from tasks.batches.retry import retry_batch
from tasks.imports.plan import plan_some
from tests.contract.api.support.running import Api
from tests.contract.api.support.served import peak_bytes, served_api
from tests.integration.database.fresh import empty_database

_ROWS = 100_000
_SIZES = (1_000, 20_000, _ROWS)
_IMAGES = 3
_SLICE = 1_000
_SECONDS = 1_200
_TEXT = "A soft and light shoe for every day. " * 20


def measure_imports(stack: Stack, console: Console) -> None:
    """Print rows per second for each step, and the peak memory of the API after each size."""
    table = Table("step", "rows", "rows/s", "peak memory of the API")
    with (
        empty_database(stack.description.postgres_url) as url,
        Database(DatabaseSettings(url=url)) as database,
    ):
        upgrade(url)
        with served_api(stack.description, url) as (api, process_id):
            new, known = _measure_api(table, api, process_id)
        _timed(table, f"planned, {_IMAGES} images a row", lambda: _plan(database, new))
        _timed(table, "report", lambda: _report(database, new))
        _timed(table, "cancel", lambda: cancel_batch(database, new))
        _timed(table, "retry", lambda: retry_batch(database, new))
        _timed(table, "planned, products known", lambda: _plan(database, known))
    console.print(table)


def _measure_api(table: Table, api: Api, process_id: int) -> tuple[UUID, UUID]:
    """Measure what the API does itself; return the batches of two files with the same skus.

    The small files come first: a peak never falls again, so each one is that of its size.
    """
    new = UUID(int=0)
    table.add_row("started", "", "", _mebibytes(process_id))
    for rows in _SIZES:
        for name, dry_run in (("read (dry run)", True), ("POST to accepted", False)):
            started = time.perf_counter()
            new = _send(api, f"S{rows}", rows, dry_run=dry_run) or new
            seconds = time.perf_counter() - started
            table.add_row(name, f"{rows:,}", f"{rows / seconds:,.0f}", _mebibytes(process_id))
    known = _send(api, f"S{_ROWS}", _ROWS)
    return new, known or new


def _mebibytes(process_id: int) -> str:
    return f"{peak_bytes(process_id) / (1 << 20):.1f} MiB"


def _timed(table: Table, name: str, work: Callable[[], object]) -> None:
    started = time.perf_counter()
    work()
    table.add_row(name, f"{_ROWS:,}", f"{_ROWS / (time.perf_counter() - started):,.0f}", "")


def _lines(prefix: str, rows: int) -> Iterator[bytes]:
    yield b"sku,name,description,price,currency,image_urls\n"
    for number in range(rows):
        urls = " ".join(f"https://s.example/{number}/{image}.jpg" for image in range(_IMAGES))
        yield f"{prefix}-{number},Shoe {number},{_TEXT},9.90,EUR,{urls}\n".encode()


def _send(api: Api, prefix: str, rows: int, *, dry_run: bool = False) -> UUID | None:
    """Send a file; return its batch, None for a dry run."""
    response = requests.post(
        f"{api.url}/imports",
        params={"dry_run": str(dry_run).lower()},
        data=_lines(prefix, rows),
        headers={"Content-Type": "text/csv"},
        timeout=_SECONDS,
    )
    response.raise_for_status()
    return None if dry_run else UUID(response.json()["batch_id"])


def _plan(database: Database, batch_id: UUID) -> None:
    while plan_some(database, batch_id, limit=_SLICE):
        pass


def _report(database: Database, batch_id: UUID) -> None:
    for _ in csv_report(report_lines(database, batch_id), "https://assets.example"):
        pass
