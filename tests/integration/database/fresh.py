"""A database of one's own beside the stack's, for tests that change rows behind everybody's back.

Nothing works on it: no API, no worker.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from uuid import uuid4

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from infra.db.engine import Database
from infra.migrate import upgrade
from infra.settings.sections import DatabaseSettings

CONNECTIONS = 24
Connect = Callable[..., Database]


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
    with _created(server_url, name, "template1"):
        yield url_of(server_url, name)


@contextmanager
def tabled_database(server_url: str) -> Iterator[str]:
    """Yield the URL of a migrated database without rows; it is dropped afterwards."""
    name = unused_name()
    with _created(server_url, name, _migrated_template(server_url)):
        yield url_of(server_url, name)


@contextmanager
def migrated_database(server_url: str) -> Iterator[Database]:
    """Yield a database with all tables and enough connections for many threads."""
    with (
        tabled_database(server_url) as url,
        Database(DatabaseSettings(url=url, pool_size=CONNECTIONS)) as database,
    ):
        yield database


@contextmanager
def _created(server_url: str, name: str, template: str) -> Iterator[None]:
    _administer(server_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield
    finally:
        _administer(server_url, f'DROP DATABASE "{name}" WITH (FORCE)')


@cache
def _migrated_template(server_url: str) -> str:
    """Return the name of a database to copy, which is quicker; it ends with its server."""
    name = unused_name()
    _administer(server_url, f'CREATE DATABASE "{name}"')
    upgrade(url_of(server_url, name))
    return name


def _administer(server_url: str, statement: str) -> None:
    engine = create_engine(server_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))


def empty(database: Database) -> None:
    """Delete all rows."""
    with database.transaction() as session:
        session.execute(
            text(
                "TRUNCATE products, originals, batches, workers, webhook_deliveries, retirements, "
                "removals CASCADE"
            )
        )


def execute(database: Database, *statements: str) -> None:
    """Run the statements in one transaction."""
    with database.transaction() as session:
        for statement in statements:
            session.execute(text(statement))
