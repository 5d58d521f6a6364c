"""`GET /products/{id}`."""

from fastapi import APIRouter

from api.dependencies import Resources
from api.ids import not_found, parse_id
from api.responses import Product
from tasks.read_product import read_product

router = APIRouter(prefix="/products", tags=["products"])


@router.get("/{product_id}", response_model=Product, summary="Show a product")
def get_product(product_id: str, resources: Resources) -> Product:
    """Return the product with its images as they are now."""
    product = read_product(resources.database, parse_id(product_id, "product"))
    if product is None:
        raise not_found(product_id, "product")
    return Product.of(product, resources.configuration.assets.public_asset_url)
