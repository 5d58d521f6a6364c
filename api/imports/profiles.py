"""The columns of files that shops and marketplaces export, as their documentation names them.

Sources, read in November 2026: Shopify Help Center, *Using CSV files to import and export products*
(the names since 2025, and the older ones); WooCommerce's wiki, *Product CSV Import Schema*;
*Product attributes reference* for data transfer in Adobe Commerce, and Magento 1's export;
Google Merchant Center's *Product data specification*; Amazon's listing templates (flat files).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class ProfileName(StrEnum):
    """The systems whose columns are known; `none` stands for our own columns alone."""

    SHOPIFY = "shopify"
    WOOCOMMERCE = "woocommerce"
    MAGENTO = "magento"
    AMAZON = "amazon"
    GOOGLE_MERCHANT = "google-merchant"
    NONE = "none"


# Amazon's newer templates: an attribute, selectors in brackets, then `#`, a number and a member.
_ATTRIBUTE = re.compile(r"(\w+)(?:\[[^\]]*\])*#\d+\.\w+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Profile:
    """The columns of one system.

    `signs` are sets of columns: a header with all of one set is taken for this system's. `columns`
    gives our field by the plain name of a column; of several columns for one field the first that
    has a value counts, and all of them for images. With `continues`, a row without sku belongs to
    the row above it.
    """

    name: ProfileName
    signs: tuple[frozenset[str], ...]
    columns: Mapping[str, str]
    continues: bool = False


_SHOPIFY = Profile(
    ProfileName.SHOPIFY,
    (
        frozenset({"handle", "image_src"}),
        frozenset({"handle", "variant_sku"}),
        frozenset({"url_handle", "product_image_url"}),
        frozenset({"url_handle", "sku"}),
    ),
    {
        # Images belong to the handle: rows of one handle are one product, named by its first SKU.
        "handle": "group",
        "url_handle": "group",
        "variant_sku": "sku",
        "sku": "sku",
        "title": "name",
        "body_(html)": "description",
        "description": "description",
        "variant_price": "price",
        "price": "price",
        "image_src": "image_urls",
        "product_image_url": "image_urls",
        "image_alt_text": "alt_text",
    },
)
_WOOCOMMERCE = Profile(
    ProfileName.WOOCOMMERCE,
    (frozenset({"sku", "images"}),),
    {
        "sku": "sku",
        "name": "name",
        "description": "description",
        "short_description": "description",
        "regular_price": "price",
        "images": "image_urls",
    },
)
_MAGENTO = Profile(
    ProfileName.MAGENTO,
    (
        frozenset({"sku", "base_image"}),
        frozenset({"sku", "additional_images"}),
        frozenset({"sku", "_media_image"}),
    ),
    {
        "sku": "sku",
        "name": "name",
        "description": "description",
        "short_description": "description",
        "price": "price",
        "base_image": "image_urls",
        "image": "image_urls",
        "additional_images": "image_urls",
        "_media_image": "image_urls",
        "base_image_label": "alt_text",
        "_media_lable": "alt_text",  # as Magento 1 spells it
    },
    continues=True,
)
_AMAZON_OTHERS = range(1, 9)
_AMAZON = Profile(
    ProfileName.AMAZON,
    (
        frozenset({"item_sku"}),
        frozenset({"contribution_sku"}),
        frozenset({"seller_sku", "image_url"}),
    ),
    {
        "item_sku": "sku",
        "contribution_sku": "sku",
        "seller_sku": "sku",
        "item_name": "name",
        "product_description": "description",
        "item_description": "description",
        "standard_price": "price",
        "price": "price",
        "currency": "currency",
        "main_image_url": "image_urls",
        "main_product_image_locator": "image_urls",
        "image_url": "image_urls",
        **{f"other_image_url{number}": "image_urls" for number in _AMAZON_OTHERS},
        **{f"other_product_image_locator_{number}": "image_urls" for number in _AMAZON_OTHERS},
    },
)
GOOGLE = Profile(
    ProfileName.GOOGLE_MERCHANT,
    (frozenset({"id", "image_link"}),),
    {
        "id": "sku",
        "title": "name",
        "description": "description",
        "price": "price",
        "image_link": "image_urls",
        "additional_image_link": "image_urls",
    },
)
PROFILES = {each.name: each for each in (_SHOPIFY, _WOOCOMMERCE, _MAGENTO, _AMAZON, GOOGLE)}
"""The built-in profiles by name, in the order in which a header is compared with them."""


def plain(column: str) -> str:
    """Return a column's name as it is compared: in lower case, with underscores alone."""
    name = column.strip().strip("\ufeff").lower().replace(" ", "_").replace("-", "_")
    found = _ATTRIBUTE.fullmatch(name)
    return found[1] if found else name


def recognise(header: Iterable[str]) -> Profile | None:
    """Return the profile whose signs a header shows, if any."""
    names = {plain(column) for column in header}
    return next((p for p in PROFILES.values() if any(sign <= names for sign in p.signs)), None)
