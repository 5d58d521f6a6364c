"""Runs migrations on the connection that `infra.migrate` hands over."""

import pkgutil
from importlib import import_module

from alembic import context

from infra.db import models
from infra.db.table import Table

for _module in pkgutil.iter_modules(models.__path__, f"{models.__name__}."):
    import_module(_module.name)  # registers its tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    compare_server_default=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
