"""What callers get of products, and which spelling of it a cached answer has."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version
from uuid import UUID

from pydantic import BaseModel, Field, field_serializer

from api.schemas.jobs import ProductImage
from infra.contract.states import ProductState
from tasks.views import ProductHead as Head
from tasks.views import ProductView

_SHAPE_CHARACTERS = 12


class ProductHead(BaseModel):
    """A product as lists show it."""

    id: UUID
    sku: str | None
    name: str | None
    description: str | None
    price: Decimal | None = Field(description="a decimal as text, so that no digit is lost")
    currency: str | None
    owner_id: str | None
    state: ProductState
    created_at: datetime
    updated_at: datetime

    @classmethod
    def told(cls, head: Head) -> "ProductHead":
        """Show a product without its images."""
        return cls.model_validate(head, from_attributes=True)

    @field_serializer("price")
    def _plain(self, price: Decimal | None) -> str | None:
        return None if price is None else f"{price:f}"


class Product(ProductHead):
    """A product as it is now."""

    images: list[ProductImage]

    @classmethod
    def of(cls, product: ProductView, assets: str) -> "Product":
        """Show a product with variants under the base URL `assets`."""
        images = [ProductImage.of(image, assets) for image in product.images]
        return cls(**dict(ProductHead.told(product.head)), images=images)


class ProductWithJob(Product):
    """A product and the job that makes its new images; null when there are none."""

    job_id: UUID | None


class ProductPage(BaseModel):
    """One page of products, newest first; `next` leads to older ones, `previous` to newer."""

    products: list[ProductHead]
    next: str | None
    previous: str | None


def rendering(assets: str) -> Callable[[ProductView], bytes]:
    """Return what writes a product down as the body of an answer."""

    def render(product: ProductView) -> bytes:
        return Product.of(product, assets).model_dump_json().encode()

    return render


def shape(assets: str) -> str:
    """Return a name of everything but the product that decides how its answer is written."""
    parts = (version("product-images"), assets, Product.model_json_schema(mode="serialization"))
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:_SHAPE_CHARACTERS]
