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
from infra.contract.object_keys import asset_url
from infra.contract.states import ProductState
from tasks.views import ListedProduct as Listed
from tasks.views import ProductHead as Head
from tasks.views import ProductView, ShownImage

_SHAPE_CHARACTERS = 12
_TILE_PIXELS = 400  # a tile of 200, on screens with two pixels for each of a page
_READ_BY_ALL = ("webp", "jpeg", "png")


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


class Thumbnail(BaseModel):
    """A small variant for a gallery; `dominant_colour` and `thumbhash` show before it arrives."""

    url: str
    format: str
    width: int
    height: int
    alt: str | None
    dominant_colour: str | None
    thumbhash: str | None

    @classmethod
    def of(cls, shown: ShownImage, assets: str) -> "Thumbnail":
        """Show the smallest variant that is wide enough for a tile, in a format that all read."""
        fitting = [v for v in shown.variants if v.format in _READ_BY_ALL] or shown.variants
        widest = max(variant.width for variant in fitting)
        wide_enough = min(widest, _TILE_PIXELS)
        tile = min(
            (variant for variant in fitting if variant.width >= wide_enough),
            key=lambda variant: (variant.width, variant.bytes),
        )
        page = shown.page
        return cls(
            url=asset_url(assets, tile.object_key),
            format=tile.format,
            width=tile.width,
            height=tile.height,
            alt=shown.alt,
            dominant_colour=None if page is None else page.dominant_colour,
            thumbhash=None if page is None else page.thumbhash,
        )


class ImageCounts(BaseModel):
    """How many images of a product are in each state."""

    total: int
    queued: int
    processing: int
    ready: int
    failed: int


class ListedProduct(ProductHead):
    """A product as a gallery shows it."""

    image_counts: ImageCounts
    thumbnail: Thumbnail | None = Field(description="of its first image that has variants")

    @classmethod
    def of(cls, listed: Listed, assets: str) -> "ListedProduct":
        """Show a product with its thumbnail under the base URL `assets`."""
        counts = {state.value: count for state, count in listed.image_counts.items()}
        return cls(
            **dict(ProductHead.told(listed.head)),
            image_counts=ImageCounts(total=sum(counts.values()), **counts),
            thumbnail=None if listed.shown is None else Thumbnail.of(listed.shown, assets),
        )


class ProductPage(BaseModel):
    """One page of products, newest first; `next` leads to older ones, `previous` to newer."""

    products: list[ListedProduct]
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
