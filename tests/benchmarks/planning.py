"""How fast a catalogue in which everything is stale is counted and planned, and in what memory."""

import json
import subprocess
import sys
from time import perf_counter

from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from infra.db.engine import Database
from infra.stack.stack import Stack
from tests.benchmarks.large_catalogue import fill
from tests.benchmarks.planner import Planned
from tests.integration.database.fresh import migrated_database

_SIZES = (10_000, 100_000)
_SECONDS = 1_200

# What was planned once more, with ids of its own: the least that writing these rows can take.
_COPY = (
    """
    CREATE TEMPORARY TABLE copies ON COMMIT DROP AS
    SELECT id, ('01a00000-0000-7000-8000-' || lpad(to_hex(batch_position), 12, '0'))::uuid copy
    FROM jobs WHERE batch_id = :batch_id
    """,
    """
    INSERT INTO jobs (id, product_id, batch_id, batch_position, chunk_id, from_stored, force,
        quiet, lane, state, preset, metadata, dispatched_at)
    SELECT copy, product_id, batch_id, batch_position, chunk_id, from_stored, force,
        quiet, lane, state, preset, metadata, dispatched_at
    FROM jobs JOIN copies USING (id) ORDER BY copy
    """,
    """
    INSERT INTO job_images (job_id, image_id, position, state)
    SELECT copy, image_id, position, state FROM job_images JOIN copies ON id = job_id ORDER BY copy
    """,
)


def measure_planning(stack: Stack, console: Console) -> None:
    """Print seconds, images per second, statements, memory, and the ratio to bare inserts."""
    table = Table("images", "dry run", "start", "plan", "pack", "images/s", "SQL/image")
    table.title = "Planning a reprocess, in seconds; bare: inserts of the same rows"
    for name in ("bare", "ratio", "memory"):
        table.add_column(name)
    for images in _SIZES:
        with migrated_database(stack.description.postgres_url) as database:
            fill(database, images)
            planned = _plan(database)
            bare_seconds = _copy(database, planned.batch_id)
        if planned.images != images:
            raise RuntimeError(f"{planned.images} of {images} images were planned")
        table.add_row(*_cells(planned, bare_seconds))
    console.print(table)


def _plan(database: Database) -> Planned:
    with database.transaction() as session:
        url = session.get_bind().engine.url.render_as_string(hide_password=False)
    command = (sys.executable, "-m", "tests.benchmarks.planner", url)
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=_SECONDS, check=True)
    return Planned(**json.loads(done.stdout))


def _copy(database: Database, batch_id: str) -> float:
    with database.transaction() as session:
        started = perf_counter()
        for statement in _COPY:
            session.execute(text(statement), {"batch_id": batch_id})
    return perf_counter() - started


def _cells(planned: Planned, bare_seconds: float) -> tuple[str, ...]:
    seconds = planned.start_seconds + planned.plan_seconds + planned.pack_seconds
    return (
        f"{planned.images:,}",
        f"{planned.dry_run_seconds:.1f}",
        f"{planned.start_seconds:.1f}",
        f"{planned.plan_seconds:.1f}",
        f"{planned.pack_seconds:.1f}",
        f"{planned.images / seconds:,.0f}",
        f"{planned.statements / planned.images:.3f}",
        f"{bare_seconds:.1f}",
        f"{seconds / bare_seconds:.1f}",
        f"{planned.peak_bytes >> 20} MiB",
    )
