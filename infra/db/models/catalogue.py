"""The tables. PostgreSQL is the truth; everything else can be rebuilt from here."""

from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    Numeric,
    String,
    Text,
    UniqueConstraint,
    event,
    false,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from infra.contract.states import ImageState
from infra.db.storable import MAX_SKU_CHARACTERS
from infra.db.table import Created, Id, Moment, Sha256, Table, word


class Product(Table):
    """What a shop sells; owns an ordered list of images.

    `updated_at` is the version of what a reader sees: triggers of the database move it forward
    with every change of the product, its images or their originals, whoever makes it. Triggers
    also keep `is_empty`: whether the product has no images.
    """

    __tablename__ = "products"
    __table_args__ = (
        CheckConstraint("(price IS NULL) = (currency IS NULL)", name="price_with_currency"),
        CheckConstraint("price >= 0 AND price < 1e15", name="price_in_range"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_is_iso_4217"),
        Index("ix_products_currency_id", "currency", "id"),
        Index("ix_products_owner_id_id", "owner_id", "id"),
        Index("ix_products_price", "price"),
        Index("ix_products_empty", "id", postgresql_where="is_empty"),
        Index("ix_products_sku_prefix", "sku", postgresql_ops={"sku": "varchar_pattern_ops"}),
        Index(
            "ix_products_name",
            "name",
            postgresql_using="gin",
            postgresql_ops={"name": "gin_trgm_ops"},
        ),
    )

    id: Mapped[Id]
    sku: Mapped[str | None] = mapped_column(String(MAX_SKU_CHARACTERS), unique=True)
    name: Mapped[str | None] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    price: Mapped[Decimal | None] = mapped_column(Numeric)
    currency: Mapped[str | None] = mapped_column(String(3))
    owner_id: Mapped[str | None] = mapped_column(Text)
    is_empty: Mapped[bool] = mapped_column(server_default=false())
    created_at: Mapped[Created]
    updated_at: Mapped[Created] = mapped_column(index=True)


_TRIGRAMS = DDL("CREATE EXTENSION IF NOT EXISTS pg_trgm")  # type: ignore[no-untyped-call]  # SQLAlchemy's own lack
event.listen(Product.__table__, "before_create", _TRIGRAMS)


class Original(Table):
    """One supplier file, by content. Facts about pixels are known once it was decoded.

    `removed_until` is set when this content was forgotten, before its objects are removed: what an
    attempt stored that was claimed before that moment may be gone. `dominant_colour`, `thumbhash`
    and `phash` are what releases before `Preview` wrote: read where there is no preview, and never
    written.
    """

    __tablename__ = "originals"
    __table_args__ = (CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_is_hex"),)

    sha256: Mapped[Sha256] = mapped_column(primary_key=True)
    object_key: Mapped[str] = mapped_column(Text)
    format: Mapped[str] = mapped_column(String(20))
    media_type: Mapped[str] = mapped_column(String(100))
    bytes: Mapped[int] = mapped_column(BigInteger)
    width: Mapped[int | None]
    height: Mapped[int | None]
    orientation: Mapped[int | None]
    dominant_colour: Mapped[str | None] = mapped_column(String(7))
    thumbhash: Mapped[str | None] = mapped_column(String(60))
    phash: Mapped[str | None] = mapped_column(String(16), index=True)
    removed_until: Mapped[Moment | None]
    created_at: Mapped[Created]


class Preview(Table):
    """What a page shows of an original before the variants of a policy arrive.

    A preset crops, trims and fills, so that all of it belongs to the original and the policy.
    `dominant_colour` is "#rrggbb", `thumbhash` a ThumbHash in base64, `phash` a perceptual hash in
    16 hexadecimal digits. It goes when the variants of the policy go.
    """

    __tablename__ = "previews"

    original_sha256: Mapped[Sha256] = mapped_column(
        ForeignKey("originals.sha256", ondelete="CASCADE"), primary_key=True
    )
    fingerprint: Mapped[str] = mapped_column(String(40), primary_key=True)
    dominant_colour: Mapped[str] = mapped_column(String(7))
    thumbhash: Mapped[str] = mapped_column(String(60))
    phash: Mapped[str] = mapped_column(String(16), index=True)


class Image(Table):
    """One image of a product, as the product shows it now.

    `source_url` is a normalised http(s) URL, or `upload:{sha256}` for an uploaded file.
    `focus_x` and `focus_y` are the focal point, from (0, 0) at the top left to (1, 1), that goes
    before that of a preset. `claimed_at` says when the attempt that last wrote a result here was
    claimed: an attempt that began earlier and records later does not replace it.
    """

    __tablename__ = "images"
    __table_args__ = (
        UniqueConstraint("product_id", "source_url"),
        UniqueConstraint("product_id", "position", deferrable=True, initially="DEFERRED"),
        CheckConstraint("position >= 0", name="position_from_zero"),
        CheckConstraint(
            "focus_x BETWEEN 0 AND 1 AND focus_y BETWEEN 0 AND 1", name="focus_in_range"
        ),
        CheckConstraint("(focus_x IS NULL) = (focus_y IS NULL)", name="focus_is_whole"),
        Index("ix_images_source_url", "source_url"),
        Index("ix_images_fingerprint_product_id", "fingerprint", "product_id"),
        Index("ix_images_state_product_id", "state", "product_id"),
        Index("ix_images_failed", "error_code", "product_id", postgresql_where="state = 'failed'"),
    )

    id: Mapped[Id]
    product_id: Mapped[UUID] = mapped_column(ForeignKey("products.id", ondelete="CASCADE"))
    position: Mapped[int]
    source_url: Mapped[str] = mapped_column(Text)
    alt: Mapped[str | None] = mapped_column(Text)
    focus_x: Mapped[float | None]
    focus_y: Mapped[float | None]
    state: Mapped[ImageState] = mapped_column(word(ImageState, "state"))
    original_sha256: Mapped[Sha256 | None] = mapped_column(
        ForeignKey("originals.sha256"), index=True
    )
    fingerprint: Mapped[str | None] = mapped_column(String(40))
    error_code: Mapped[str | None] = mapped_column(String(60))
    error_detail: Mapped[str | None] = mapped_column(Text)
    error_retryable: Mapped[bool | None]
    claimed_at: Mapped[Moment | None]
    created_at: Mapped[Created]
    updated_at: Mapped[Created]

    @property
    def focus(self) -> tuple[float, float] | None:
        """The focal point, if it has one of its own."""
        if self.focus_x is None or self.focus_y is None:
            return None
        return self.focus_x, self.focus_y


_HOST = "^https?://([[][^]]*[]]|[^/:?#]+)"  # source URLs are stored normalised


def source_host() -> ColumnElement[str]:
    """Return the host in an image's source; null for an uploaded file."""
    return func.substring(Image.source_url, _HOST, type_=String)


# Written out: Alembic knows `substring(a FROM b)`, as SQLAlchemy writes it, by this form only.
Index("ix_images_source_host", text(f"substring(source_url, '{_HOST}')"), Image.product_id)


class Variant(Table):
    """One stored rendition of an original under a policy. Shared by all images of that content."""

    __tablename__ = "variants"
    __table_args__ = (UniqueConstraint("original_sha256", "fingerprint", "name"),)

    id: Mapped[Id]
    original_sha256: Mapped[Sha256] = mapped_column(
        ForeignKey("originals.sha256", ondelete="CASCADE")
    )
    fingerprint: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(60))
    object_key: Mapped[str] = mapped_column(Text)
    format: Mapped[str] = mapped_column(String(20))
    width: Mapped[int]
    height: Mapped[int]
    bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[Sha256]
    quality: Mapped[int | None]
    score: Mapped[float | None]
    frames: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[Created]
