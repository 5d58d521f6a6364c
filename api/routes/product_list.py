"""`GET /products`: search products, page by page."""

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from api.dependencies import Resources
from api.schemas.ids import parse_optional_id
from api.schemas.paging import page_link
from api.schemas.product_responses import ProductHead, ProductPage
from infra.contract.errors import ErrorCode, Rejected
from infra.contract.states import ProductState
from infra.db.storable import Moment, SkuFilter, StorableText
from tasks.products.list_products import ProductFilter, list_products

router = APIRouter(prefix="/products", tags=["products"])

Amount = Annotated[Decimal, Query(ge=0, lt=10**15, allow_inf_nan=False)]


class _Wanted(BaseModel):
    """The query: all conditions must hold."""

    sku: SkuFilter | None = None
    name: StorableText | None = None
    state: ProductState | None = None
    price_min: Amount | None = None
    price_max: Amount | None = None
    currency: StorableText | None = None
    owner_id: StorableText | None = None
    updated_since: Moment | None = None
    before: str | None = None
    after: str | None = None
    limit: Annotated[int, Query(ge=1, le=200)] = 50


@router.get("", response_model=ProductPage, summary="List products, newest first")
def get_products(
    request: Request, resources: Resources, wanted: Annotated[_Wanted, Query()]
) -> ProductPage:
    """Return one page; `name` matches a part of the name, in upper or lower case."""
    if wanted.before is not None and wanted.after is not None:
        raise Rejected(422, ErrorCode.INVALID_REQUEST, "Send before or after, not both.")
    conditions = ProductFilter(
        **wanted.model_dump(exclude={"before", "after"}),
        before=parse_optional_id(wanted.before, "product"),
        after=parse_optional_id(wanted.after, "product"),
    )
    heads = list_products(resources.database, conditions)
    full = len(heads) == wanted.limit
    has_older = bool(heads) and (full or wanted.after is not None)
    has_newer = bool(heads) and (full if wanted.after else wanted.before is not None)
    return ProductPage(
        products=[ProductHead.told(head) for head in heads],
        next=page_link(request, "before", heads[-1].id) if has_older else None,
        previous=page_link(request, "after", heads[0].id) if has_newer else None,
    )
