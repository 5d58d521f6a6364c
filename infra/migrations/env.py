"""Runs migrations on the connection that `infra.migrate` hands over."""

from alembic import context

from infra.db.table import Table


def _run() -> None:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=Table.metadata,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


_run()
