"""An outage, a conflict and a mistake of ours are three different things."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import IntegrityError, InternalError, ProgrammingError

from infra.contract.errors import Conflict, ServiceUnavailable
from infra.db.engine import Database, exclusive_connection
from infra.db.retry import again_after_conflict
from infra.settings.sections import DatabaseSettings
from infra.stack.ports import free_port
from tests.integration.database.fresh import Connect, empty, execute

DEADLINE_SECONDS = 60
TWO_PRODUCTS = """
    INSERT INTO products (id, sku)
    VALUES (gen_random_uuid(), 'a'), (gen_random_uuid(), 'b')
"""
TOUCH = "UPDATE products SET updated_at = now() WHERE sku = :sku"


@pytest.fixture
def database(own_database: Database) -> Database:
    """Two products, a and b."""
    empty(own_database)
    execute(own_database, TWO_PRODUCTS)
    return own_database


def failure(database: Database, *statements: str) -> ServiceUnavailable:
    """Return the error that the transaction must end with."""
    with pytest.raises(ServiceUnavailable) as caught:
        execute(database, *statements)
    assert caught.value.retry_after_seconds
    return caught.value


def _touch_both(database: Database, both_hold_one: Barrier, skus: tuple[str, str]) -> None:
    with database.transaction() as session:
        session.execute(text(TOUCH), {"sku": skus[0]})
        if not both_hold_one.broken:
            both_hold_one.wait(DEADLINE_SECONDS)
        session.execute(text(TOUCH), {"sku": skus[1]})


def _deadlocked(database: Database, touch: Callable[..., None]) -> list[BaseException | None]:
    """Let two transactions take the same two rows in opposite orders."""
    both_hold_one = Barrier(2)
    with ThreadPoolExecutor(2) as threads:
        orders = (("a", "b"), ("b", "a"))
        ends = [threads.submit(touch, database, both_hold_one, skus) for skus in orders]
        return [end.exception(DEADLINE_SECONDS) for end in ends]


def test_the_loser_of_a_deadlock_learns_of_a_conflict_and_the_other_one_wins(
    database: Database,
) -> None:
    ends = _deadlocked(database, _touch_both)

    (lost,) = [end for end in ends if end is not None]
    assert isinstance(lost, Conflict)
    assert lost.code == "database_conflict"
    assert lost.retry_after_seconds == 1


def test_both_sides_of_a_deadlock_are_done_when_the_loser_tries_again(database: Database) -> None:
    tries = []

    @again_after_conflict
    def touch(database: Database, both_hold_one: Barrier, skus: tuple[str, str]) -> None:
        tries.append(skus)
        if tries.count(skus) > 1:
            both_hold_one.abort()  # the other one is past it
        _touch_both(database, both_hold_one, skus)

    assert _deadlocked(database, touch) == [None, None]
    assert len(tries) > 2


def test_a_lock_that_is_not_granted_in_time_is_a_conflict(database: Database) -> None:
    with database.transaction() as holder:
        holder.execute(text(TOUCH), {"sku": "a"})
        waiting = "UPDATE products SET sku = 'c' WHERE sku = 'a'"
        error = failure(database, "SET LOCAL lock_timeout = '50ms'", waiting)

    assert isinstance(error, Conflict)


def test_a_change_of_what_was_read_before_is_a_conflict(database: Database) -> None:
    def change_what_was_read() -> None:
        with database.transaction() as session:
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            session.execute(text("SELECT count(*) FROM products"))
            execute(database, "UPDATE products SET updated_at = now()")
            session.execute(text(TOUCH), {"sku": "a"})

    with pytest.raises(Conflict):
        change_what_was_read()


def test_a_statement_that_takes_too_long_is_no_silence(connect: Connect) -> None:
    error = failure(connect(statement_timeout_seconds=1), "SELECT pg_sleep(60)")

    assert not isinstance(error, Conflict)
    assert error.code == "database_timeout"
    assert error.detail.startswith("PostgreSQL took too long")


def test_a_connection_that_the_server_ends_is_an_outage_of_a_moment(database: Database) -> None:
    def lose_the_connection() -> None:
        with database.transaction() as session:
            own = session.scalar(text("SELECT pg_backend_pid()"))
            execute(database, _ending(own))
            session.execute(text("SELECT 1"))

    with pytest.raises(ServiceUnavailable, match=r"lost|shutting down") as caught:
        lose_the_connection()
    assert not isinstance(caught.value, Conflict)
    database.probe()


def _ending(backend: int | None) -> str:
    return f"SELECT pg_terminate_backend({backend}, {DEADLINE_SECONDS * 1000})"


def test_a_connection_that_the_server_ends_between_two_transactions_costs_nothing(
    database: Database, connect: Connect
) -> None:
    alone = connect(pool_size=1)
    with alone.transaction() as session:
        own = session.scalar(text("SELECT pg_backend_pid()"))
    execute(database, _ending(own))

    alone.probe()


def test_a_database_that_takes_no_changes_is_an_outage(database: Database) -> None:
    change = "DELETE FROM products"
    error = failure(database, "SET TRANSACTION READ ONLY", change)

    assert "takes no changes" in error.detail


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("disk_full", "no disk space"),
        ("out_of_memory", "no disk space, memory"),
        ("too_many_connections", "or connection left"),
        ("admin_shutdown", "shutting down"),
        ("crash_shutdown", "shutting down"),
        ("cannot_connect_now", "or starting"),
        ("io_error", "cannot read or write its files"),
        ("connection_failure", "was lost"),
    ],
)
def test_trouble_of_the_server_is_an_outage_with_its_own_sentence(
    database: Database, condition: str, sentence: str
) -> None:
    error = failure(database, _raising(condition))

    assert sentence in error.detail
    assert error.code == "database_unavailable"


def _raising(condition: str) -> str:
    return f"DO $$ BEGIN RAISE 'trouble' USING ERRCODE = '{condition}'; END $$"


def test_an_internal_error_of_the_server_stays_what_it_is(database: Database) -> None:
    with pytest.raises(InternalError):
        execute(database, _raising("internal_error"))


def test_a_server_that_is_not_there_does_not_answer(connect: Connect) -> None:
    database = connect(url=f"postgresql://nobody@127.0.0.1:{free_port()}/nowhere")

    assert failure(database, "SELECT 1").detail.startswith("PostgreSQL does not answer")


def test_a_server_that_lets_nobody_in_is_told_from_one_that_is_silent(
    connect: Connect, empty_url: str
) -> None:
    url = make_url(empty_url).set(database="no_such_database")
    database = connect(url=url.render_as_string(hide_password=False))

    error = failure(database, "SELECT 1")

    assert "takes no connection" in error.detail
    assert "no_such_database" not in error.detail


def test_connections_that_are_all_in_use_are_an_outage(connect: Connect) -> None:
    database = connect(pool_size=1, connect_timeout_seconds=1)
    with database.transaction() as session:
        session.execute(text("SELECT 1"))
        error = failure(database, "SELECT 1")

    assert "in use" in error.detail


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("SELECT senseless FROM products", ProgrammingError),
        ("SELECT * FROM no_such_table", ProgrammingError),
        ("SELECT 1 FROM", ProgrammingError),
        ("INSERT INTO products (id, sku) VALUES (gen_random_uuid(), 'a')", IntegrityError),
    ],
)
def test_a_mistake_of_ours_stays_what_it_is(
    database: Database, statement: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        execute(database, statement)


def test_a_migration_without_a_server_is_told_so() -> None:
    url = DatabaseSettings(url=f"postgresql://nobody@127.0.0.1:{free_port()}/nowhere").url

    with (
        pytest.raises(ServiceUnavailable, match="does not answer"),
        exclusive_connection(url),
    ):
        pass
