"""Use case: list products by what they are, page by page, newest first."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from operator import eq, ge, gt, le, lt
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute

from infra.db.engine import Database
from infra.db.models import Product
from infra.states import ProductState
from tasks.products.state import is_in_state, state_column
from tasks.read_product import head_of
from tasks.view import ProductHead

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
        select(Product, state_column())
        .where(*_conditions(wanted))
        .order_by(Product.id.asc() if forwards else Product.id.desc())
        .limit(wanted.limit)
    )
    with database.transaction() as session:
        rows = session.execute(statement).all()
    heads = tuple(head_of(product, ProductState(state)) for product, state in rows)
    return heads[::-1] if forwards else heads


def _conditions(wanted: ProductFilter) -> list[ColumnElement[bool]]:
    comparisons: tuple[tuple[object, InstrumentedAttribute[Any], Comparison], ...] = (
        (wanted.sku, Product.sku, eq),
        (wanted.price_min, Product.price, ge),
        (wanted.price_max, Product.price, le),
        (wanted.currency, Product.currency, eq),
        (wanted.owner_id, Product.owner_id, eq),
        (wanted.updated_since, Product.updated_at, ge),
        (wanted.before, Product.id, lt),
        (wanted.after, Product.id, gt),
    )
    found = [compare(column, value) for value, column, compare in comparisons if value is not None]
    if wanted.name is not None:
        found.append(Product.name.icontains(wanted.name, autoescape=True))
    if wanted.state is not None:
        found.append(is_in_state(wanted.state))
    return found
