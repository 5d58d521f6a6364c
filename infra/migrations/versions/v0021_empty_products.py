"""Which products have no images, kept by triggers: no index of the images can say it.

Nearly all products get their images in the transaction that creates them, and are written once:
whether one stays empty is looked at when that transaction ends.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_CREATED = """
CREATE FUNCTION products_created() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE products SET is_empty = true
    WHERE id = NEW.id AND NOT is_empty
        AND NOT EXISTS (SELECT FROM images WHERE product_id = NEW.id);
    RETURN NULL;
END $$
"""

_FILLED = """
CREATE FUNCTION products_filled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE products SET is_empty = false
    WHERE id IN (SELECT product_id FROM changed) AND is_empty;
    RETURN NULL;
END $$
"""

_EMPTIED = """
CREATE FUNCTION products_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE products SET is_empty = true
    WHERE id IN (SELECT product_id FROM changed) AND NOT is_empty
        AND NOT EXISTS (SELECT FROM images WHERE product_id = products.id);
    RETURN NULL;
END $$
"""

_FUNCTIONS = ("products_created", "products_filled", "products_emptied")


def upgrade() -> None:
    op.add_column(
        "products",
        sa.Column("is_empty", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    for function in (_CREATED, _FILLED, _EMPTIED):
        op.execute(function)
    op.execute(
        "CREATE CONSTRAINT TRIGGER products_created AFTER INSERT ON products"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION products_created()"
    )
    for moment, rows, function in (
        ("INSERT", "NEW", "products_filled"),
        ("DELETE", "OLD", "products_emptied"),
    ):
        op.execute(
            f"CREATE TRIGGER {function} AFTER {moment} ON images"
            f" REFERENCING {rows} TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        )


def downgrade() -> None:
    for function in _FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}() CASCADE")  # its triggers go with it
    op.drop_column("products", "is_empty")
