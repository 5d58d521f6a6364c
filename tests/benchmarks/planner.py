"""A process that plans one reprocess of all that is stale, as a coordinator does, and tells of it.

A process of its own, so that its memory is that of planning. It prints a `Planned` as JSON.
"""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Engine, event

from infra.db.engine import Database
from infra.settings.sections import BulkSettings, DatabaseSettings
from tasks.batches.plan import SLICE, plan_some
from tasks.chunks.pack import pack_due
from tasks.reprocess.estimate import estimate
from tasks.reprocess.selector import Selector
from tasks.reprocess.start import start
from tests.contract.api.support.served import peak_bytes
from tests.integration.reprocess.catalogue import edited

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Planned:
    """What planning a batch took; `peak_bytes` is the most memory that the process has had."""

    batch_id: str
    images: int
    dry_run_seconds: float
    start_seconds: float
    plan_seconds: float
    pack_seconds: float
    statements: int
    peak_bytes: int


class _Statements:
    """Counts the statements of the process while planning; commits are none."""

    def __init__(self) -> None:
        self.count = 0
        event.listen(Engine, "before_cursor_execute", self._note)

    def _note(self, *_: object) -> None:
        self.count += 1


def main() -> None:
    """Plan and pack everything on the database of the only argument."""
    with Database(DatabaseSettings(url=sys.argv[1])) as database:
        sys.stdout.write(json.dumps(asdict(_planned(database))))


def _planned(database: Database) -> Planned:
    selector, presets = Selector(), edited("web")
    dry_run_seconds, found = _timed(lambda: estimate(database, selector, presets))
    statements = _Statements()
    start_seconds, started = _timed(lambda: start(database, selector, presets))
    if started.batch_id is None:
        raise RuntimeError("nothing is stale")
    plan_seconds, pack_seconds = _plan(database, started.batch_id)
    return Planned(
        batch_id=str(started.batch_id),
        images=found.images,
        dry_run_seconds=dry_run_seconds,
        start_seconds=start_seconds,
        plan_seconds=plan_seconds,
        pack_seconds=pack_seconds,
        statements=statements.count,
        peak_bytes=peak_bytes(os.getpid()),
    )


def _plan(database: Database, batch_id: UUID) -> tuple[float, float]:
    """Do what a coordinator does turn by turn; return the seconds of planning and of packing."""
    settings = BulkSettings()
    plan_seconds = pack_seconds = 0.0
    planned = 1
    while planned:
        seconds, planned = _timed(lambda: plan_some(database, batch_id, limit=SLICE))
        plan_seconds += seconds
        seconds, _ = _timed(lambda: pack_due(database, settings, batch_id))
        pack_seconds += seconds
    return plan_seconds, pack_seconds


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    started = perf_counter()
    result = work()
    return perf_counter() - started, result


if __name__ == "__main__":
    main()
