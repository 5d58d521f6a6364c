"""Use case: report the result of each input of a batch, in the order of the inputs.

Read slice by slice, each in a transaction of its own: a slow reader holds neither a
connection nor a snapshot meanwhile.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from infra.contract.states import BatchKind
from infra.db.engine import Database
from infra.db.models.batches import Batch

_INPUTS = 500

_IMPORTED = """
    SELECT line AS place, sku, job_id, error_code, error_detail,
           jsonb_array_length(content -> 'images') AS pictures, content -> 'images' AS images
    FROM import_rows WHERE batch_id = :batch_id AND line > :after ORDER BY line LIMIT :inputs
"""
_JOBS = """
    SELECT batch_position AS place, p.sku, j.id AS job_id, NULL AS error_code,
           NULL AS error_detail, NULL::integer AS pictures, NULL::jsonb AS images
    FROM jobs j JOIN products p ON p.id = j.product_id
    WHERE batch_id = :batch_id AND batch_position > :after
    ORDER BY batch_position LIMIT :inputs
"""
_INPUTS_OF = {BatchKind.IMPORT: _IMPORTED, BatchKind.REPROCESS: _JOBS}

# The last columns are the largest variant in each format.
_LINES = """
    WITH inputs AS ({inputs})
    SELECT i.place, i.sku, i.error_code AS refused, i.error_detail AS refusal, i.pictures,
           coalesce(j.product_id, p.id) AS product_id, j.id AS job_id, ji.position,
           images.source_url, ji.state, ji.outcome, ji.error_code, ji.error_detail,
           i.images -> ji.position ->> 'file' AS file, v.jpeg, v.webp, v.avif, v.png
    FROM inputs i
    LEFT JOIN jobs j ON j.id = i.job_id
    LEFT JOIN products p ON j.id IS NULL AND p.sku = i.sku
    LEFT JOIN job_images ji ON ji.job_id = j.id
    LEFT JOIN images ON images.id = ji.image_id
    LEFT JOIN LATERAL (
        SELECT {formats}
        FROM variants v
        WHERE v.original_sha256 = ji.original_sha256 AND v.fingerprint = ji.fingerprint
    ) v ON true
    ORDER BY i.place, ji.position
"""
FORMATS = ("jpeg", "webp", "avif", "png")
_LARGEST = ", ".join(
    f"(array_agg(object_key ORDER BY width DESC, bytes DESC) FILTER (WHERE format = '{name}'))[1]"
    f" AS {name}"
    for name in FORMATS
)


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One image of an input, or an input without images.

    `place` is the line of an imported file, or the position in the batch. `state` is that of the
    image; or `rejected`: the row was not accepted; `product_only`: a row without images;
    `not_planned`: no job exists yet; `deleted`: product or image are gone. `object_keys`
    are those of the largest variant in each of `FORMATS`. `file` is the name of a picture in the
    archive that was imported.
    """

    place: int
    sku: str | None
    product_id: UUID | None
    job_id: UUID | None
    position: int | None
    source_url: str | None
    state: str
    outcome: str | None
    error_code: str | None
    error_detail: str | None
    object_keys: tuple[str | None, ...]
    file: str | None = None


def report_lines(database: Database, batch_id: UUID) -> Iterator[list[ReportLine]]:
    """Yield the lines of the next inputs until there are no more, nothing for an unknown id."""
    after = -1
    while True:
        with database.transaction() as session:
            batch = session.get(Batch, batch_id)
            if batch is None:
                return
            statement = text(_LINES.format(inputs=_INPUTS_OF[batch.kind], formats=_LARGEST))
            asked = {"batch_id": batch.id, "after": after, "inputs": _INPUTS}
            rows = session.execute(statement, asked).all()
        if not rows:
            return
        planned = (batch.plan_cursor or {}).get("line", 0)
        yield [_line(row, planned) for row in rows]
        after = rows[-1].place


def _line(row: Row[Any], planned: int) -> ReportLine:
    return ReportLine(
        place=row.place,
        sku=row.sku,
        product_id=row.product_id if row.refused is None else None,
        job_id=row.job_id,
        position=row.position,
        source_url=row.source_url,
        state=row.state or _state_without_image(row, planned),
        outcome=row.outcome,
        error_code=row.refused or row.error_code,
        error_detail=row.refusal or row.error_detail,
        object_keys=tuple(getattr(row, name) for name in FORMATS),
        file=row.file,
    )


def _state_without_image(row: Row[Any], planned: int) -> str:
    if row.refused is not None:
        return "rejected"
    if row.job_id is None and row.place > planned:
        return "not_planned"
    return "product_only" if row.pictures == 0 and row.product_id else "deleted"
