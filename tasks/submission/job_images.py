"""Which images many jobs owe, written with one statement however many there are."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

_INSERT = text("""
    INSERT INTO job_images (job_id, image_id, position, state)
    SELECT job_id, image_id, position, 'queued'
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        job_id uuid, image_id uuid, position integer)
""")


def queue_job_images(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Have jobs owe images; a row has `job_id` and `image_id` as text, and `position`."""
    session.execute(_INSERT, {"rows": json.dumps(rows)})
