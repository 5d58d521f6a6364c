"""Step: write the products of rows, new and known ones, in one statement."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, select, text
from sqlalchemy.orm import Session

from infra.db.ids import new_id
from infra.db.models.catalogue import Product
from infra.db.models.imports import ImportRow

Fields = Mapping[str, Any]

# What a row does not say stays; what says the same as the product changes nothing, not even
# `updated_at`. `sku` decides the order of the locks.
_UPSERT = text("""
    INSERT INTO products AS p (id, sku, name, description, price, currency, owner_id)
    SELECT id, sku, name, description, price, currency, owner_id
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        id uuid, sku text, name text, description text, price numeric, currency text, owner_id text)
    ORDER BY sku
    ON CONFLICT (sku) DO UPDATE SET
        name = coalesce(excluded.name, p.name),
        description = coalesce(excluded.description, p.description),
        price = coalesce(excluded.price, p.price),
        currency = coalesce(excluded.currency, p.currency),
        owner_id = coalesce(excluded.owner_id, p.owner_id)
    WHERE (coalesce(excluded.name, p.name), coalesce(excluded.description, p.description),
           coalesce(excluded.price, p.price), coalesce(excluded.currency, p.currency),
           coalesce(excluded.owner_id, p.owner_id))
        IS DISTINCT FROM (p.name, p.description, p.price, p.currency, p.owner_id)
""")
_LOCK = select(Product.sku, Product.id).order_by(Product.sku).with_for_update(key_share=True)


def prices_of_halves(session: Session, rows: Sequence[ImportRow]) -> Mapping[str, Fields]:
    """Return price and currency, by sku, of the products whose rows say only one of the two.

    A product without them is not there: such a row cannot be written. The others stay locked,
    so that what was found stays true.
    """
    halves = [row.sku for row in rows if is_half_priced(row)]
    if not halves:
        return {}
    statement = (
        select(Product.sku, cast(Product.price, Text), Product.currency)
        .where(Product.sku.in_(halves), Product.price.is_not(None))
        .order_by(Product.sku)
        .with_for_update(key_share=True)
    )
    found = session.execute(statement).tuples()
    return {sku: {"price": price, "currency": currency} for sku, price, currency in found if sku}


def is_half_priced(row: ImportRow) -> bool:
    """Whether a row says a price without its currency, or the other way round."""
    fields = _fields(row)
    return ("price" in fields) != ("currency" in fields)


def write_products(
    session: Session, rows: Sequence[ImportRow], *, prices: Mapping[str, Fields]
) -> Mapping[str, UUID]:
    """Write the rows' products; return their ids by sku. All of them are locked then.

    `prices` complete the rows that are half priced.
    """
    if not rows:
        return {}
    written = [
        {"id": str(new_id()), "sku": row.sku, **prices.get(row.sku or "", {}), **_fields(row)}
        for row in rows
    ]
    session.execute(_UPSERT, {"rows": json.dumps(written)})
    skus = [row.sku for row in rows]
    found = session.execute(_LOCK.where(Product.sku.in_(skus))).tuples()
    return {sku: product_id for sku, product_id in found if sku is not None}


def _fields(row: ImportRow) -> Fields:
    fields: Fields = (row.content or {})["fields"]
    return fields
