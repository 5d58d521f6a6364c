"""What a caller can say of a product and its images, and how it becomes a row."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from infra.contract.errors import ErrorCode, Rejected
from infra.db.models.catalogue import Product

_SKU_CONSTRAINT = "uq_products_sku"


@dataclass(frozen=True, slots=True)
class Picture:
    """An image that a caller wants a product to have.

    `source` is a normalised URL, or the `source_url` of an uploaded file that the product has
    already. `alt` None together with `keeps_alt` leaves the text that a known image has.
    """

    source: str
    alt: str | None = None
    keeps_alt: bool = True


def assign(product: Product, fields: Mapping[str, Any]) -> None:
    """Give the row these values; raise `Rejected` (422) for a price without currency."""
    for name, value in fields.items():
        setattr(product, name, value)
    if (product.price is None) != (product.currency is None):
        raise Rejected(
            422,
            ErrorCode.INVALID_REQUEST,
            "A price needs its currency and a currency its price: send both, or null for both.",
        )


@contextmanager
def sku_checked(sku: str | None) -> Iterator[None]:
    """Raise `Rejected` (409) when what is written inside would give a sku to two products."""
    try:
        yield
    except IntegrityError as exc:
        if getattr(getattr(exc.orig, "diag", None), "constraint_name", None) != _SKU_CONSTRAINT:
            raise
        raise Rejected(
            409, ErrorCode.SKU_TAKEN, f"Another product has the sku {sku!r} already."
        ) from exc


def no_such_product(product_id: UUID) -> Rejected:
    """Return the error for an id that names no product."""
    return Rejected(404, ErrorCode.NOT_FOUND, f"There is no product {product_id}.")
