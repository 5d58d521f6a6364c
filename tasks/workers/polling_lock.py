"""Use case: take turns among all workers, where only one may do a thing at a time.

A turn is a lock in PostgreSQL that ends with its transaction, and so with a process that dies.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import func, select

from infra.db.engine import Database
from infra.db.locks import AdvisoryLock


@contextmanager
def polling_turn(database: Database) -> Iterator[bool]:
    """Yield whether it is our turn to look into the work pool; it is until the block ends.

    Raises `ServiceUnavailable` when PostgreSQL is away.
    """
    with database.transaction() as session:
        yield bool(session.scalar(select(func.pg_try_advisory_xact_lock(AdvisoryLock.POLLING))))
