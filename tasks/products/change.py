"""Use case: change fields of a product; those that are not named stay as they are."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from infra.db.engine import Database
from infra.db.models.catalogue import Product
from infra.db.retry import again_after_conflict
from tasks.products.fields import assign, no_such_product, sku_checked


@again_after_conflict
def change(database: Database, product_id: UUID, fields: Mapping[str, Any]) -> None:
    """Write the fields; what equals the row changes nothing, not even `updated_at`.

    Raises `Rejected`: 404 for no such product, 409 when another one has the sku, 422 when a
    price would be left without its currency.
    """
    with database.transaction() as session:
        product = session.get(Product, product_id, with_for_update=True)
        if product is None:
            raise no_such_product(product_id)
        assign(product, fields)
        with sku_checked(product.sku):
            session.flush()
