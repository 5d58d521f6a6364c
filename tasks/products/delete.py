"""Use case: delete a product with its images, its jobs and what only they referred to.

A job that waits goes with its rows, and so does one that a worker holds: at its next renewal,
or when it records, that worker finds the claim lost and writes nothing.
"""

from uuid import UUID

from sqlalchemy import delete as delete_rows
from sqlalchemy.orm import Session

from infra.db.conflict import again_after_conflict
from infra.db.engine import Database
from infra.db.models import Image, Product
from infra.objectstore import ObjectStore
from tasks.cancel import cancel_locked
from tasks.products.locks import lock_with_jobs
from tasks.products.removal import Forgotten, contents_of, forget_contents, remove_objects


def delete(database: Database, store: ObjectStore, product_id: UUID) -> None:
    """Delete the product; raise `Rejected` (404) when there is none with this id."""
    remove_objects(database, store, _delete(database, product_id))


@again_after_conflict
def _delete(database: Database, product_id: UUID) -> Forgotten:
    with database.transaction() as session:
        return _delete_rows(session, product_id)


def _delete_rows(session: Session, product_id: UUID) -> Forgotten:
    for job in lock_with_jobs(session, product_id):
        cancel_locked(session, job)  # as a person would have done it: what that tells, is told
    contents = contents_of(session, Image.product_id == product_id)
    session.execute(delete_rows(Product).where(Product.id == product_id))
    return forget_contents(session, contents)
