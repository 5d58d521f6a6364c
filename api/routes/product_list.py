"""`GET /products`: search products, page by page."""

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field, StringConstraints

from api.dependencies import Resources
from api.schemas.ids import parse_optional_id
from api.schemas.paging import page_link
from api.schemas.product_responses import ListedProduct, ProductPage
from infra.contract.errors import ErrorCode, Rejected
from infra.contract.states import ProductState
from infra.db.storable import Moment, SkuFilter, Storable, StorableText
from tasks.products.list_products import ProductFilter, list_products

router = APIRouter(prefix="/products", tags=["products"])

SourceHost = Annotated[str, StringConstraints(to_lower=True), Storable]
Amount = Annotated[Decimal, Query(ge=0, lt=10**15, allow_inf_nan=False)]


class ProductQuery(BaseModel):
    """The query: all conditions must hold."""

    sku: SkuFilter | None = None
    sku_prefix: SkuFilter | None = None
    name: StorableText | None = Field(None, description="a part of the name, in any case")
    state: ProductState | None = None
    host: SourceHost | None = Field(None, description="with an image from this host, without port")
    error_code: StorableText | None = Field(None, description="with an image that failed with it")
    preset: StorableText | None = Field(None, description="with an image made by this preset")
    stale: bool = Field(default=False, description="only with an image whose preset changed since")
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
    request: Request, resources: Resources, wanted: Annotated[ProductQuery, Query()]
) -> ProductPage:
    """Return one page; conditions on an image must all hold for the same one.

    `image_counts` and `thumbnail` of a product are what a gallery shows.
    """
    if wanted.before is not None and wanted.after is not None:
        raise Rejected(422, ErrorCode.INVALID_REQUEST, "Send before or after, not both.")
    conditions = ProductFilter(
        **wanted.model_dump(exclude={"before", "after"}),
        before=parse_optional_id(wanted.before, "product"),
        after=parse_optional_id(wanted.after, "product"),
    )
    listed = list_products(resources.database, conditions)
    full = len(listed) == wanted.limit
    has_older = bool(listed) and (full or wanted.after is not None)
    has_newer = bool(listed) and (full if wanted.after else wanted.before is not None)
    assets = resources.configuration.assets.public_asset_url
    return ProductPage(
        products=[ListedProduct.of(one, assets) for one in listed],
        next=page_link(request, "before", listed[-1].head.id) if has_older else None,
        previous=page_link(request, "after", listed[0].head.id) if has_newer else None,
    )
