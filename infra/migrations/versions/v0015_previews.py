"""What a page shows before its images arrive, by original and policy instead of by original.

What is there is carried over to each policy that the original was made under, so that everything
reads as before. The columns of `originals` stay: a worker of the release before, which works on
during the upgrade, writes them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_CARRY_OVER = """
INSERT INTO previews (original_sha256, fingerprint, dominant_colour, thumbhash, phash)
SELECT o.sha256, made.fingerprint, o.dominant_colour,
       coalesce(o.thumbhash, ''), coalesce(o.phash, '')
FROM originals o JOIN (
    SELECT original_sha256, fingerprint FROM variants
    UNION SELECT original_sha256, fingerprint FROM images
    UNION SELECT original_sha256, fingerprint FROM job_images
) made ON made.original_sha256 = o.sha256
WHERE o.dominant_colour IS NOT NULL AND made.fingerprint IS NOT NULL
"""

# As v0005 does for originals; the statements that write previews leave out what is not changed.
_PREVIEWS_CHANGED = """
CREATE FUNCTION products_previews_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE products SET updated_at = updated_at
    WHERE xmin <> pg_current_xact_id()::xid AND id IN (
        SELECT i.product_id FROM changed n JOIN images i
        ON i.original_sha256 = n.original_sha256 AND i.fingerprint = n.fingerprint
    );
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "previews",
        sa.Column("original_sha256", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=40), nullable=False),
        sa.Column("dominant_colour", sa.String(length=7), nullable=False),
        sa.Column("thumbhash", sa.String(length=60), nullable=False),
        sa.Column("phash", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("original_sha256", "fingerprint", name="pk_previews"),
        sa.ForeignKeyConstraint(
            ["original_sha256"],
            ["originals.sha256"],
            name="fk_previews_original_sha256",
            ondelete="CASCADE",
        ),
    )
    op.execute(_CARRY_OVER)
    op.create_index("ix_previews_phash", "previews", ["phash"])
    op.execute(_PREVIEWS_CHANGED)
    for moment in ("INSERT", "UPDATE"):
        op.execute(
            f"CREATE TRIGGER products_previews_{moment.lower()} AFTER {moment} ON previews"
            " REFERENCING NEW TABLE AS changed"
            " FOR EACH STATEMENT EXECUTE FUNCTION products_previews_changed()"
        )


def downgrade() -> None:
    op.execute("DROP FUNCTION products_previews_changed() CASCADE")  # its triggers go with it
    op.drop_table("previews")
