"""A database of one's own beside the stack's, for tests that change rows behind everybody's back.

Nothing works on it: no API, no worker.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from infra.db.engine import Database
from infra.migrate import upgrade
from infra.settings import DatabaseSettings

CONNECTIONS = 24
Connect = Callable[..., Database]


def _engine(url: str) -> Engine:
    return create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")


def unused_name() -> str:
    """Return a name that no database has."""
    return f"test_{uuid4().hex[:12]}"


def url_of(server_url: str, name: str) -> str:
    """Return the URL of a database on the server, whether it exists or not."""
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


@contextmanager
def empty_database(server_url: str, name: str = "") -> Iterator[str]:
    """Yield the URL of a database without tables; it is dropped afterwards."""
    name = name or unused_name()
    engine = _engine(server_url)
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    try:
        yield url_of(server_url, name)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))


@contextmanager
def migrated_database(server_url: str) -> Iterator[Database]:
    """Yield a database with all tables and enough connections for many threads."""
    with empty_database(server_url) as url:
        upgrade(url)
        with Database(DatabaseSettings(url=url, pool_size=CONNECTIONS)) as database:
            yield database


def empty(database: Database) -> None:
    """Delete all rows."""
    with database.transaction() as session:
        session.execute(
            text(
                "TRUNCATE products, originals, batches, workers, webhook_deliveries, retirements "
                "CASCADE"
            )
        )


def execute(database: Database, *statements: str) -> None:
    """Run the statements in one transaction."""
    with database.transaction() as session:
        for statement in statements:
            session.execute(text(statement))
