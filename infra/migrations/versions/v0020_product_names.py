"""Products by a part of their name: an index of trigrams, built while others write."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_INDEX = "ix_products_name"


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {_INDEX}")  # what an interrupted build left
        op.create_index(
            _INDEX,
            "products",
            ["name"],
            postgresql_using="gin",
            postgresql_ops={"name": "gin_trgm_ops"},
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    # The extension stays: it may have been there before, and others may use it.
    with op.get_context().autocommit_block():
        op.drop_index(_INDEX, table_name="products", postgresql_concurrently=True)
