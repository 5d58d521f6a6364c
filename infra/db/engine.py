"""One synchronous engine per process, and the unit of work on it.

Vendor exceptions that mean an outage or a conflict become our own errors here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Self

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import NullPool

from infra.contract.errors import ErrorCode, ServiceUnavailable
from infra.db.errors import misses_a_table, translated
from infra.db.locks import AdvisoryLock
from infra.db.schema import require_tables
from infra.settings.sections import DatabaseSettings
from infra.waiting import wait_for

_IDLE_IN_TRANSACTION_SECONDS = 60
_SILENCE_MILLISECONDS = 15_000

__all__ = ["Connection", "Database", "exclusive_connection"]


class Database:
    """Owns the connection pool. Safe to share between threads."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._engine = create_engine(
            settings.url,
            pool_size=settings.pool_size,
            max_overflow=0,
            pool_timeout=settings.connect_timeout_seconds,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": settings.connect_timeout_seconds,
                "application_name": "product-images",
                # A host that vanished without a word: else a thread would wait for a quarter hour.
                "keepalives_idle": 30,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": _SILENCE_MILLISECONDS,
                "options": (
                    f"-c statement_timeout={settings.statement_timeout_seconds}s "
                    f"-c idle_in_transaction_session_timeout={_IDLE_IN_TRANSACTION_SECONDS}s "
                    "-c timezone=UTC"
                ),
            },
        )
        self._sessions = sessionmaker(self._engine, expire_on_commit=False)
        self.answered_at = float("-inf")
        """When a transaction last succeeded, by the monotonic clock."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all pooled connections."""
        self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Yield a session; commit at the end, roll back on any exception.

        Raises `Conflict` when another transaction was faster, `ServiceUnavailable` when
        PostgreSQL is away, does not do its work, or has no tables of this version yet.
        """
        try:
            with translated(), self._sessions.begin() as session:
                yield session
            self.answered_at = monotonic()
        except DBAPIError as exc:
            if misses_a_table(exc):
                self.require_schema()  # the better explanation, if it is one
            raise

    def probe(self) -> None:
        """Raise `ServiceUnavailable` unless a trivial statement succeeds."""
        with self.transaction() as session:
            session.execute(text("SELECT 1"))

    def require_schema(self) -> None:
        """Raise `ServiceUnavailable` unless PostgreSQL answers and has our tables, or newer."""
        with self.transaction() as session:
            require_tables(session)


@contextmanager
def exclusive_connection(url: str) -> Iterator[Connection]:
    """Yield a connection, in no transaction, that only one process at a time can have.

    For migrations: the second process waits, and finds the work done. It asks again and again:
    a statement that waits for a lock would keep its snapshot, and an index that is built
    concurrently waits for every older snapshot. Raises `ServiceUnavailable` as
    `Database.transaction` does.
    """
    engine = create_engine(url, poolclass=NullPool)
    with translated(), engine.connect() as connection:

        def take_lock() -> None:
            lock = {"lock": int(AdvisoryLock.MIGRATION)}
            taken = connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), lock)
            connection.commit()
            if not taken:
                raise ServiceUnavailable(
                    ErrorCode.DATABASE_UNAVAILABLE, "Another process migrates this database."
                )

        wait_for("another migration", take_lock)
        yield connection
