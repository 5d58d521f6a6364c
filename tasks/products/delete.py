"""Use case: delete a product with its images, its jobs and what only they referred to.

A job that waits goes with its rows, and so does one that a worker holds: at its next renewal,
or when it records, that worker finds the claim lost and writes nothing.
"""

from uuid import UUID

from sqlalchemy import and_, null, select, update
from sqlalchemy import delete as delete_rows
from sqlalchemy.orm import Session

from infra.db.engine import Database
from infra.db.models.batches import Batch
from infra.db.models.catalogue import Image, Product
from infra.db.models.imports import ImportRow
from infra.db.models.jobs import Job
from infra.db.retry import again_after_conflict
from tasks.contents.references import contents_of
from tasks.contents.remove import forget_unreferenced
from tasks.jobs.cancel import cancel_locked
from tasks.products.locks import lock_with_jobs


@again_after_conflict
def delete(database: Database, product_id: UUID) -> None:
    """Delete the product; raise `Rejected` (404) when there is none with this id.

    A worker removes the objects, as soon as it can.
    """
    with database.transaction() as session:
        for job in lock_with_jobs(session, product_id):
            cancel_locked(session, job)  # as a person would have done it: what that tells, is told
        _erase_imported(session, product_id)
        contents = contents_of(session, Image.product_id == product_id)
        session.execute(delete_rows(Product).where(Product.id == product_id))
        forget_unreferenced(session, contents)


def _erase_imported(session: Session, product_id: UUID) -> None:
    """Erase what files of imports said of the product; a plan that still has to read it, will.

    The lines stay in the reports of their batches: how many there were, and what became of them.
    """
    jobs = select(Job.id).where(Job.product_id == product_id)
    sku = select(Product.sku).where(Product.id == product_id).scalar_subquery()
    planned = select(Batch.id).where(Batch.planned_at.is_not(None))
    for theirs in (
        ImportRow.job_id.in_(jobs),
        and_(ImportRow.sku == sku, ImportRow.batch_id.in_(planned)),
    ):
        session.execute(
            update(ImportRow).where(theirs, ImportRow.content.is_not(None)).values(content=null())
        )
