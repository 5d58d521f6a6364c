"""Imported files in the database, without anybody who coordinates their batches."""

from io import BytesIO
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from api.imports.columns import FileRules
from api.imports.read import Limits, open_reader
from api.imports.record import FileKind
from api.schemas.submissions import UrlRules
from infra.db.engine import Database
from infra.db.ids import new_id
from infra.db.models.batches import Batch
from infra.db.models.imports import ImportRow
from infra.db.models.jobs import Job
from infra.settings.sections import ApiSettings, FetchSettings, ImportSettings
from tasks.imports.accept import WantedImport, accept
from tasks.imports.plan import plan_some
from tasks.imports.row import ImportPolicy
from tasks.imports.spool import Spool

API = ApiSettings.load(env_file=None)
LIMITS = Limits(API, ImportSettings.load(env_file=None), UrlRules.of(API, FetchSettings()))
SLICE = 100


def imported(
    database: Database, csv: str, policy: ImportPolicy = ImportPolicy.REJECT_ROWS, **fields: Any
) -> UUID:
    """Accept a file; return its batch."""
    file = BytesIO(csv.encode())
    with (
        Spool(new_id()) as spool,
        open_reader(file, FileKind.CSV, FileRules(), limits=LIMITS) as reader,
    ):
        for row in reader.rows():
            spool.add(row)
        spool.merge()
        wanted = WantedImport(preset="web", policy=policy, sha256="0" * 64, **fields)
        return accept(database, wanted, spool).batch_id


def planned(database: Database, csv: str, **fields: Any) -> UUID:
    """Accept a file and plan all of it."""
    batch_id = imported(database, csv, **fields)
    while plan_some(database, batch_id, limit=SLICE):
        pass
    return batch_id


def catalogue(rows: int, images: int = 1, first: int = 0) -> str:
    """Return a CSV file with that many products."""
    lines = ["sku,name,price,currency,image_urls"]
    for number in range(first, first + rows):
        urls = " ".join(f"https://s.example/{number}/{image}.jpg" for image in range(images))
        lines.append(f"S-{number:06},Product {number},9.90,EUR,{urls}")
    return "\n".join(lines)


def batch_row(database: Database, batch_id: UUID) -> Batch:
    """Return a batch as PostgreSQL holds it."""
    with database.transaction() as session:
        return session.get_one(Batch, batch_id)


def import_rows(database: Database, batch_id: UUID) -> list[ImportRow]:
    """Return the rows of a file in its order."""
    rows = select(ImportRow).where(ImportRow.batch_id == batch_id).order_by(ImportRow.line)
    with database.transaction() as session:
        return list(session.scalars(rows))


def jobs_of(database: Database, batch_id: UUID) -> list[Job]:
    """Return the jobs of a batch in its order."""
    jobs = select(Job).where(Job.batch_id == batch_id).order_by(Job.batch_position)
    with database.transaction() as session:
        return list(session.scalars(jobs))


def product(database: Database, sku: str) -> Any:
    """Return the row of a product."""
    with database.transaction() as session:
        return session.execute(
            text("SELECT * FROM products WHERE sku = :sku"), {"sku": sku}
        ).one_or_none()
