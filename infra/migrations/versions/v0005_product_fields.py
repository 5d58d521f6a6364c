"""What a product is: name, description, price, owner; alt text of its images.

Also the triggers that move `products.updated_at` with every change that a reader can see. The
database does it, not each use case: whoever forgot it would have readers shown a cached past.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Never backwards and never twice the same, whatever the clock does.
_MOVE_ON = """
CREATE FUNCTION products_move_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := greatest(clock_timestamp(), OLD.updated_at + interval '1 microsecond');
    RETURN NEW;
END $$
"""

# A product that this transaction wrote already has moved on: readers see only its end.
_IMAGES_CHANGED = """
CREATE FUNCTION products_images_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE products SET updated_at = updated_at
    WHERE id IN (SELECT product_id FROM changed) AND xmin <> pg_current_xact_id()::xid;
    RETURN NULL;
END $$
"""

_IMAGES_UPDATED = """
CREATE FUNCTION products_images_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE products SET updated_at = updated_at
    WHERE xmin <> pg_current_xact_id()::xid AND id IN (
        SELECT n.product_id FROM changed n JOIN replaced o ON o.id = n.id
        WHERE (n.position, n.source_url, n.alt, n.state, n.original_sha256, n.fingerprint,
               n.error_code, n.error_detail, n.error_retryable)
            IS DISTINCT FROM
              (o.position, o.source_url, o.alt, o.state, o.original_sha256, o.fingerprint,
               o.error_code, o.error_detail, o.error_retryable)
    );
    RETURN NULL;
END $$
"""

_ORIGINALS_UPDATED = """
CREATE FUNCTION products_originals_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE products SET updated_at = updated_at
    WHERE xmin <> pg_current_xact_id()::xid AND id IN (
        SELECT i.product_id FROM changed n JOIN replaced o ON o.sha256 = n.sha256
        JOIN images i ON i.original_sha256 = n.sha256
        WHERE (n.bytes, n.dominant_colour, n.thumbhash, n.phash)
            IS DISTINCT FROM (o.bytes, o.dominant_colour, o.thumbhash, o.phash)
    );
    RETURN NULL;
END $$
"""

_BOTH = "OLD TABLE AS replaced NEW TABLE AS changed"

# Name, moment, what the function is told of the changed rows, and its name.
_TRIGGERS = (
    ("products_images_inserted", "INSERT ON images", "NEW TABLE AS changed", "images_changed"),
    ("products_images_deleted", "DELETE ON images", "OLD TABLE AS changed", "images_changed"),
    ("products_images_updated", "UPDATE ON images", _BOTH, "images_updated"),
    ("products_originals_updated", "UPDATE ON originals", _BOTH, "originals_updated"),
)

_FUNCTIONS = (
    "products_move_on",
    "products_images_changed",
    "products_images_updated",
    "products_originals_updated",
)


def upgrade() -> None:
    _add_columns()
    for function in (_MOVE_ON, _IMAGES_CHANGED, _IMAGES_UPDATED, _ORIGINALS_UPDATED):
        op.execute(function)
    op.execute(
        "CREATE TRIGGER products_move_on BEFORE UPDATE ON products"
        " FOR EACH ROW EXECUTE FUNCTION products_move_on()"
    )
    for name, moment, rows, function in _TRIGGERS:
        op.execute(
            f"CREATE TRIGGER {name} AFTER {moment} REFERENCING {rows}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION products_{function}()"
        )


def downgrade() -> None:
    for function in _FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}() CASCADE")  # its triggers go with it
    op.drop_column("originals", "removed_until")
    op.drop_column("images", "alt")
    op.drop_index("ix_products_updated_at", table_name="products")
    op.drop_index("ix_products_owner_id", table_name="products")
    for name in ("price_with_currency", "price_in_range", "currency_is_iso_4217"):
        op.drop_constraint(op.f(f"ck_products_{name}"), "products")
    for column in ("name", "description", "price", "currency", "owner_id"):
        op.drop_column("products", column)


def _add_columns() -> None:
    for column in (
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("price", sa.Numeric(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("owner_id", sa.Text(), nullable=True),
    ):
        op.add_column("products", column)
    for name, condition in (
        ("price_with_currency", "(price IS NULL) = (currency IS NULL)"),
        ("price_in_range", "price >= 0 AND price < 1e15"),
        ("currency_is_iso_4217", "currency ~ '^[A-Z]{3}$'"),
    ):
        op.create_check_constraint(op.f(f"ck_products_{name}"), "products", condition)
    op.create_index("ix_products_owner_id", "products", ["owner_id"])
    op.create_index("ix_products_updated_at", "products", ["updated_at"])
    op.add_column("images", sa.Column("alt", sa.Text(), nullable=True))
    op.add_column(
        "originals", sa.Column("removed_until", sa.DateTime(timezone=True), nullable=True)
    )
