"""The focal point of an image, part of what readers of its product see."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_COLUMNS = ("focus_x", "focus_y")
_IN_RANGE = "focus_x BETWEEN 0 AND 1 AND focus_y BETWEEN 0 AND 1"
_WHOLE = "(focus_x IS NULL) = (focus_y IS NULL)"

# As v0005 has it, and the columns of the focal point.
_IMAGES_UPDATED = """
CREATE OR REPLACE FUNCTION products_images_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE products SET updated_at = updated_at
    WHERE xmin <> pg_current_xact_id()::xid AND id IN (
        SELECT n.product_id FROM changed n JOIN replaced o ON o.id = n.id
        WHERE (n.position, n.source_url, n.alt, n.state, n.original_sha256, n.fingerprint,
               n.error_code, n.error_detail, n.error_retryable{new})
            IS DISTINCT FROM
              (o.position, o.source_url, o.alt, o.state, o.original_sha256, o.fingerprint,
               o.error_code, o.error_detail, o.error_retryable{old})
    );
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column("images", sa.Column(name, sa.Float(), nullable=True))
    for name, condition in (("focus_in_range", _IN_RANGE), ("focus_is_whole", _WHOLE)):
        op.create_check_constraint(op.f(f"ck_images_{name}"), "images", condition)
    columns = {"new": ", n.focus_x, n.focus_y", "old": ", o.focus_x, o.focus_y"}
    op.execute(_IMAGES_UPDATED.format(**columns))


def downgrade() -> None:
    op.execute(_IMAGES_UPDATED.format(new="", old=""))
    for name in ("focus_in_range", "focus_is_whole"):
        op.drop_constraint(op.f(f"ck_images_{name}"), "images")
    for name in reversed(_COLUMNS):
        op.drop_column("images", name)
