"""Locks a product together with its unfinished jobs, in the order that workers use.

Jobs first, then the product, then its images. A job that is submitted in between is locked out
of order: should that end in a deadlock, PostgreSQL ends one of the two, and the use case tries
again.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from infra.contract.states import JobState
from infra.db.models.catalogue import Product
from infra.db.models.jobs import Job
from tasks.products.fields import no_such_product

_UNFINISHED = (JobState.QUEUED, JobState.RUNNING)


def lock_with_jobs(session: Session, product_id: UUID) -> Sequence[Job]:
    """Lock the product and return its unfinished jobs, locked; raise `Rejected` (404)."""
    jobs = (
        select(Job)
        .where(Job.product_id == product_id, Job.state.in_(_UNFINISHED))
        .order_by(Job.id)
        .with_for_update()
    )
    session.scalars(jobs).all()
    if session.get(Product, product_id, with_for_update=True) is None:
        raise no_such_product(product_id)
    return session.scalars(jobs).all()
