"""Use case: accept a file that was read as a batch, in one transaction.

Its jobs are planned afterwards, slice by slice, by the batch's coordinator; those of an archive of
pictures at once, so that the stored pictures are never without an image that refers to them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from infra.contract.states import BatchKind, BatchState
from infra.db.copy import copy_into
from infra.db.engine import Database
from infra.db.models.batches import Batch
from infra.db.models.imports import ImportRow
from infra.db.retry import again_after_conflict
from tasks.imports.plan import plan_all
from tasks.imports.row import ImportPolicy
from tasks.imports.spool import COLUMNS, Spool, Tally
from tasks.submission.key_reservation import RequestKey, Subject, known_subject, reserve
from tasks.submission.uploads import Upload, write_uploads


@dataclass(frozen=True, slots=True)
class WantedImport:
    """What a caller wants with a file; `sha256` is the digest of all of it, the file included.

    `reading` is how its columns are read, as the batch shows it. `uploads` are the pictures of an
    archive, which the store has already.
    """

    preset: str
    policy: ImportPolicy
    sha256: str
    name: str | None = None
    callback_url: str | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)
    uploads: tuple[Upload, ...] = ()


@dataclass(frozen=True, slots=True)
class AcceptedImport:
    """The committed batch; `replayed` when an earlier request with the same key made it."""

    batch_id: UUID
    replayed: bool = False


def is_acceptable(policy: ImportPolicy, tally: Tally) -> bool:
    """Whether a file with these rows makes a batch: under any policy one row has to be good."""
    if tally.rejected and policy is ImportPolicy.REJECT_ALL:
        return False
    return tally.accepted > 0


@again_after_conflict
def accept(
    database: Database, wanted: WantedImport, spool: Spool, *, key: RequestKey | None = None
) -> AcceptedImport:
    """Write the batch and all its rows, or find the one that the same request made.

    Raises `Rejected`: 409 when the key stood for another request.
    """
    with database.transaction() as session:
        batch = Subject(batch_id=spool.batch_id)
        if key is not None and not reserve(session, key, wanted.sha256, subject=batch):
            known = known_subject(session, key, wanted.sha256)
            return AcceptedImport(known.batch_id or spool.batch_id, replayed=True)
        tally = spool.tally
        rows = {"total": tally.rows, "accepted": tally.accepted, "rejected": tally.rejected}
        session.add(
            Batch(
                id=spool.batch_id,
                kind=BatchKind.IMPORT,
                state=BatchState.RUNNING,
                preset=wanted.preset,
                name=wanted.name,
                options={
                    **wanted.reading,
                    "policy": wanted.policy,
                    "rows": rows,
                    "jobs": tally.jobs,
                },
                callback_url=wanted.callback_url,
            )
        )
        copy_into(session, ImportRow.__tablename__, COLUMNS, lines=spool.lines())
        if wanted.uploads:
            # All at once: what no image refers to may be removed from the store meanwhile.
            plan_all(session, spool.batch_id)
            write_uploads(session, wanted.uploads)
        return AcceptedImport(spool.batch_id)
