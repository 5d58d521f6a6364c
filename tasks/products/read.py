"""Use case: show a product as it is now."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from infra.contract.states import ProductState
from infra.db.engine import Database
from infra.db.models.catalogue import Image, Original, Preview, Product
from tasks.contents.page_facts import page_of, preview_of
from tasks.contents.variants import read_variants
from tasks.products.state import state_of
from tasks.views import ErrorView, ImageView, ProductHead, ProductView

_ONE_SNAPSHOT = {"isolation_level": "REPEATABLE READ"}


def read_product(database: Database, product_id: UUID) -> ProductView | None:
    """Return the product, or None when there is none with this id.

    All of it is of one moment, so that its version, `updated_at`, is that of its images too.
    """
    with database.transaction() as session:
        session.connection(execution_options=_ONE_SNAPSHOT)
        product = session.get(Product, product_id)
        if product is None:
            return None
        images = _images(session, product_id)
    head = head_of(product, state_of([image.state for image in images]))
    return ProductView(head, images)


def head_of(product: Product, state: ProductState) -> ProductHead:
    """Return what is shown of a product's own row."""
    return ProductHead(
        id=product.id,
        sku=product.sku,
        name=product.name,
        description=product.description,
        price=product.price,
        currency=product.currency,
        owner_id=product.owner_id,
        state=state,
        created_at=product.created_at,
        updated_at=product.updated_at,
    )


def _images(session: Session, product_id: UUID) -> tuple[ImageView, ...]:
    rows = session.execute(
        select(Image, Original, Preview)
        .outerjoin(Original, Original.sha256 == Image.original_sha256)
        .outerjoin(Preview, preview_of(Image.original_sha256, Image.fingerprint))
        .where(Image.product_id == product_id)
        .order_by(Image.position)
    ).all()
    sets = [(row.Image.original_sha256, row.Image.fingerprint) for row in rows]
    variants = read_variants(session, sets)
    return tuple(
        ImageView(
            id=row.Image.id,
            position=row.Image.position,
            source_url=row.Image.source_url,
            source_bytes=None if row.Original is None else row.Original.bytes,
            state=row.Image.state,
            outcome=None,
            error=ErrorView.of(
                row.Image.error_code,
                row.Image.error_detail,
                retryable=row.Image.error_retryable,
            ),
            page=page_of(row.Preview, row.Original),
            variants=variants[key],
            alt=row.Image.alt,
            focus=row.Image.focus,
        )
        for row, key in zip(rows, sets, strict=True)
    )
