"""Indexes for the filters of a gallery, built while others write; and which products are empty.

Empty products are marked in slices, each locked before it is looked at once more: a product that
gets its first image meanwhile is not marked.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_HOST = "substring(source_url, '^https?://([[][^]]*[]]|[^/:?#]+)')"
_INDEXES = (
    ("ix_products_empty", "products (id) WHERE is_empty"),
    ("ix_products_sku_prefix", "products (sku varchar_pattern_ops)"),
    ("ix_images_fingerprint_product_id", "images (fingerprint, product_id)"),
    ("ix_images_failed", "images (error_code, product_id) WHERE state = 'failed'"),
    ("ix_images_source_host", f"images ({_HOST}, product_id)"),
)
_FORMER = "ix_images_fingerprint"

_FIND = """
SELECT id FROM products
WHERE NOT is_empty AND id > :after
    AND NOT EXISTS (SELECT FROM images WHERE product_id = products.id)
ORDER BY id LIMIT 1000 FOR UPDATE
"""
_MARK = """
UPDATE products SET is_empty = true
WHERE id = ANY (:ids) AND NOT EXISTS (SELECT FROM images WHERE product_id = products.id)
"""
_LEAST = "00000000-0000-0000-0000-000000000000"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, definition in _INDEXES:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")  # left by an interrupted build
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {definition}")
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {_FORMER}")
    _mark_empty_products()


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {_FORMER}")
        op.execute(f"CREATE INDEX CONCURRENTLY {_FORMER} ON images (fingerprint)")
        for name, _ in reversed(_INDEXES):
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


def _mark_empty_products() -> None:
    """Each statement sees what was committed before it, and the lock keeps images away."""
    connection, after = op.get_bind(), _LEAST
    while ids := connection.scalars(sa.text(_FIND), {"after": after}).all():
        connection.execute(sa.text(_MARK), {"ids": ids})
        after = ids[-1]
