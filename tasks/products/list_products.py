"""Use case: list products by what they are, page by page, newest first."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from operator import eq, ge, le
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import InstrumentedAttribute

from infra.contract.states import ImageState, ProductState
from infra.db.engine import Database
from infra.db.models.catalogue import Image, Product
from tasks.products.read import head_of
from tasks.products.state import found_by_images, image_states, is_in_state, state_of
from tasks.views import ProductHead

Comparison = Callable[[Any, Any], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class ProductFilter:
    """Which products are wanted; all conditions must hold.

    `name` is a part of the name in any case. A page holds what is older than `before` or, when
    that is set, the nearest that is newer than `after`.
    """

    limit: int
    sku: str | None = None
    name: str | None = None
    state: ProductState | None = None
    price_min: Decimal | None = None
    price_max: Decimal | None = None
    currency: str | None = None
    owner_id: str | None = None
    updated_since: datetime | None = None
    before: UUID | None = None
    after: UUID | None = None


def list_products(database: Database, wanted: ProductFilter) -> tuple[ProductHead, ...]:
    """Return one page, newest first."""
    forwards = wanted.after is not None
    statement = (
        _matching(wanted)
        .order_by(Product.id.asc() if forwards else Product.id.desc())
        .limit(wanted.limit)
    )
    with database.transaction() as session:
        rows = session.execute(statement).all()
    heads = tuple(head_of(product, state_of(states)) for product, states in rows)
    return heads[::-1] if forwards else heads


def _matching(wanted: ProductFilter) -> Select[tuple[Product, list[ImageState]]]:
    """Return the products that are wanted.

    A state alone is searched from the images. Together with other conditions, which leave fewer
    products, it is looked up for each of these.
    """
    conditions = _conditions(wanted)
    statement = select(Product, image_states()).where(*conditions, *_page(wanted, Product.id))
    if wanted.state is None:
        return statement
    if conditions or wanted.state in (ProductState.EMPTY, ProductState.PROCESSING):
        return statement.where(is_in_state(wanted.state))
    found = found_by_images(
        wanted.state,
        *_page(wanted, Image.product_id),
        newest=wanted.after is None,
        limit=wanted.limit,
    )
    return statement.join(found, found.c.product_id == Product.id)


def _conditions(wanted: ProductFilter) -> list[ColumnElement[bool]]:
    comparisons: tuple[tuple[object, InstrumentedAttribute[Any], Comparison], ...] = (
        (wanted.sku, Product.sku, eq),
        (wanted.price_min, Product.price, ge),
        (wanted.price_max, Product.price, le),
        (wanted.currency, Product.currency, eq),
        (wanted.owner_id, Product.owner_id, eq),
        (wanted.updated_since, Product.updated_at, ge),
    )
    found = [compare(column, value) for value, column, compare in comparisons if value is not None]
    if wanted.name is not None:
        found.append(Product.name.icontains(wanted.name, autoescape=True))
    return found


def _page(wanted: ProductFilter, ids: InstrumentedAttribute[UUID]) -> list[ColumnElement[bool]]:
    before = [] if wanted.before is None else [ids < wanted.before]
    return before if wanted.after is None else [*before, ids > wanted.after]
