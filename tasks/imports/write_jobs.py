"""Step: write the images and jobs of rows, as `tasks.submission.submit` does it for one product."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from infra.db.ids import new_id
from infra.db.models.batches import Batch
from infra.db.models.catalogue import Image
from infra.db.models.imports import ImportRow
from tasks.submission.job_images import queue_job_images

_QUEUE_KNOWN = text("""
    UPDATE images i SET state = 'queued', error_code = NULL, error_detail = NULL,
        error_retryable = NULL, alt = coalesce(r.alt, i.alt), updated_at = now()
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, alt text)
    WHERE i.id = r.id
""")
_INSERT_NEW = text("""
    INSERT INTO images (id, product_id, position, source_url, alt, state)
    SELECT id, product_id, position, source_url, alt, 'queued'
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        id uuid, product_id uuid, position integer, source_url text, alt text)
""")
_INSERT_JOBS = text("""
    INSERT INTO jobs (
        id, product_id, batch_id, batch_position, lane, state, preset, metadata, request_id)
    SELECT id, product_id, :batch_id, line, 'bulk', 'queued', :preset, metadata, :request_id
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        id uuid, product_id uuid, line integer, metadata jsonb)
""")
_NAME_JOBS = text("""
    UPDATE import_rows i SET job_id = r.id
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, line integer)
    WHERE i.batch_id = :batch_id AND i.line = r.line
""")

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Placed:
    """Images as rows to write, and the id of each by product and source."""

    known: Rows
    new: Rows
    ids: Mapping[tuple[UUID, str], UUID]


def write_jobs(
    session: Session, batch: Batch, rows: Sequence[ImportRow], *, products: Mapping[str, UUID]
) -> None:
    """Write images and jobs of the rows that have images; their products are locked."""
    wanted = [(row, products[row.sku]) for row in rows if row.sku and _pictures(row)]
    if not wanted:
        return
    placed = _place(session, wanted)
    jobs, job_images = _jobs(wanted, placed.ids)
    here = {"batch_id": batch.id}
    _run(session, _QUEUE_KNOWN, placed.known)
    _run(session, _INSERT_NEW, placed.new)
    inherited = {"preset": batch.preset, "request_id": batch.request_id}
    session.execute(_INSERT_JOBS, {"rows": json.dumps(jobs), **here, **inherited})
    queue_job_images(session, job_images)
    session.execute(_NAME_JOBS, {"rows": json.dumps(jobs), **here})


def _place(session: Session, wanted: Sequence[tuple[ImportRow, UUID]]) -> _Placed:
    """Queue known images again in place; append new ones behind the product's last."""
    ids = _known(session, wanted)
    positions = (
        select(Image.product_id, func.max(Image.position))
        .where(Image.product_id.in_([product_id for _, product_id in wanted]))
        .group_by(Image.product_id)
    )
    last = dict(session.execute(positions).tuples().all())
    known, new = Rows(), Rows()
    for row, product_id in wanted:
        for picture in _pictures(row):
            source, alt = picture["url"], picture.get("alt")
            if (product_id, source) in ids:
                known.append({"id": str(ids[product_id, source]), "alt": alt})
                continue
            ids[product_id, source] = image_id = new_id()
            last[product_id] = position = last.get(product_id, -1) + 1
            place = {"id": str(image_id), "product_id": str(product_id), "position": position}
            new.append({**place, "source_url": source, "alt": alt})
    return _Placed(known, new, ids)


def _known(
    session: Session, wanted: Sequence[tuple[ImportRow, UUID]]
) -> dict[tuple[UUID, str], UUID]:
    sources = {picture["url"] for row, _ in wanted for picture in _pictures(row)}
    statement = select(Image.product_id, Image.source_url, Image.id).where(
        Image.product_id.in_([product_id for _, product_id in wanted])
    )
    found = session.execute(statement).tuples()
    return {(product, source): image for product, source, image in found if source in sources}


def _jobs(
    wanted: Sequence[tuple[ImportRow, UUID]], ids: Mapping[tuple[UUID, str], UUID]
) -> tuple[Rows, Rows]:
    jobs, job_images = Rows(), Rows()
    for row, product_id in wanted:
        job_id = str(new_id())
        metadata = (row.content or {}).get("metadata", {})
        job = {"id": job_id, "product_id": str(product_id), "line": row.line}
        jobs.append({**job, "metadata": metadata})
        for position, picture in enumerate(_pictures(row)):
            image_id = str(ids[product_id, picture["url"]])
            job_images.append({"job_id": job_id, "image_id": image_id, "position": position})
    return jobs, job_images


def _pictures(row: ImportRow) -> Sequence[Mapping[str, str]]:
    pictures: Sequence[Mapping[str, str]] = (row.content or {})["images"]
    return pictures


def _run(session: Session, statement: Any, rows: Rows) -> None:
    if rows:
        session.execute(statement, {"rows": json.dumps(rows)})
