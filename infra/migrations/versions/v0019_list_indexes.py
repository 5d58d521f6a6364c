"""Indexes for every filter of the lists, each in the order of its pages; rows of imports by sku."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_INDEXES = (
    ("ix_images_state_product_id", "images", ["state", "product_id"]),
    ("ix_products_currency_id", "products", ["currency", "id"]),
    ("ix_products_owner_id_id", "products", ["owner_id", "id"]),
    ("ix_products_price", "products", ["price"]),
    ("ix_jobs_state_id", "jobs", ["state", "id"]),
    ("ix_jobs_lane_id", "jobs", ["lane", "id"]),
    ("ix_jobs_created_at", "jobs", ["created_at"]),
)
_WITH_CONTENT = "content IS NOT NULL"


def upgrade() -> None:
    for name, table, columns in _INDEXES:
        op.create_index(name, table, columns)
    op.drop_index("ix_products_owner_id", table_name="products")
    op.create_index(
        "ix_import_rows_sku", "import_rows", ["sku"], postgresql_where=sa.text(_WITH_CONTENT)
    )


def downgrade() -> None:
    op.drop_index("ix_import_rows_sku", table_name="import_rows")
    op.create_index("ix_products_owner_id", "products", ["owner_id"])
    for name, table, _ in reversed(_INDEXES):
        op.drop_index(name, table_name=table)
