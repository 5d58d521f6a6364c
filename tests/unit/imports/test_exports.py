"""Exports of shop systems as they come, with the columns of the systems' public documentation."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.imports.reading import Read, read

HERE = Path(__file__).parent / "exports"
SHOPIFY = "https://cdn.shopify.com/s/files/1/0001"
MAGENTO = "https://shop.example/media/catalog/product"


def exported(name: str, **rules: Any) -> Read:
    found = read((HERE / name).read_bytes(), **rules)
    assert found.tally.problems == ()
    return found


@pytest.mark.parametrize(
    ("name", "profile", "products"),
    [
        ("shopify.csv", "shopify", ["TRAIL-42", "wool-cap"]),
        ("shopify-2025.csv", "shopify", ["TRAIL-42"]),
        ("woocommerce.csv", "woocommerce", ["trail-shoe", "trail-shoe-42", "wool-cap"]),
        ("amazon.txt", "amazon", ["TRAIL-42", "CAP-1"]),
        ("google-merchant.txt", "google-merchant", ["TRAIL-42", "CAP-1"]),
        ("google-merchant.xml", "google-merchant", ["TRAIL-42", "CAP-1"]),
    ],
)
def test_an_export_is_recognised_and_read_unchanged(
    name: str, profile: str, products: list[str]
) -> None:
    found = exported(name)
    assert found.profile == profile
    assert list(found.products) == products


def test_rows_of_a_handle_are_one_product_with_all_its_images() -> None:
    found = exported("shopify.csv", currency="EUR")

    shoe = found.products["TRAIL-42"]
    assert shoe["images"] == [
        {"url": f"{SHOPIFY}/trail_1.jpg?v=1700000001", "alt": "Side | left"},
        {"url": f"{SHOPIFY}/trail_2.jpg?v=1700000001", "alt": "Sole"},
        {"url": f"{SHOPIFY}/trail_3.jpg?v=1700000001"},
    ]
    assert shoe["fields"] == {
        "name": "Trail shoe",
        "description": '<p>Soft, "light"\nand green</p>',
        "price": "79.90",
        "currency": "EUR",
    }
    assert (found.tally.rows, found.tally.accepted, found.tally.products) == (4, 4, 2)


def test_prices_without_a_currency_are_left_out_and_that_is_told() -> None:
    found = exported("shopify.csv")
    assert "price" not in found.products["TRAIL-42"]["fields"]
    assert any("currency=EUR" in told for told in found.facts.remarks())


def test_images_are_separated_by_commas_and_may_have_some() -> None:
    uploads = "https://shop.example/wp-content/uploads/2026/05"
    assert exported("woocommerce.csv").images["trail-shoe"] == [
        f"{uploads}/trail-1.jpg",
        f"{uploads}/trail,2.jpg",
        f"{uploads}/trail-3.jpg",
    ]


def test_relative_images_continue_the_base_and_the_first_store_view_counts() -> None:
    found = exported("magento.csv", base_url=MAGENTO)

    assert found.images["24-MB01"] == [
        f"{MAGENTO}/m/b/mb01-blue-0.jpg",
        f"{MAGENTO}/m/b/mb01%20side.jpg",
    ]
    assert found.products["24-MB01"]["fields"]["name"] == "Joust Duffle Bag"
    assert found.profile == "magento"


def test_relative_images_without_a_base_are_told_how() -> None:
    (problem, *_) = read((HERE / "magento.csv").read_bytes()).tally.problems
    assert (problem.line, problem.column) == (2, "base_image")
    assert "base_url=" in problem.detail


def test_a_row_without_sku_continues_the_one_above_as_magento_1_writes_it() -> None:
    found = exported("magento-1.csv", base_url=MAGENTO)
    assert found.images == {
        "ACE-1": [f"{MAGENTO}/a/c/ace_{number}.jpg" for number in (1, 2, 3)],
        "BEE-2": [f"{MAGENTO}/b/e/bee.jpg"],
    }


def test_all_image_columns_of_a_template_are_read_in_their_order() -> None:
    assert exported("amazon.txt").images["TRAIL-42"] == [
        f"https://m.example/images/I/71{name}.jpg" for name in ("main", "pt01", "pt02")
    ]


def test_newer_templates_name_their_columns_by_attribute() -> None:
    market, first = "[marketplace_id=ATVPDKIKX0DER]", f"#{1}"
    place = f"{market}{first}.media_location"
    header = (
        "contribution_sku#1.value",
        f"item_name{market}[language_tag=en_US]{first}.value",
        f"other_product_image_locator_1{place}",
        f"main_product_image_locator{place}",
    )
    cells = ("A", "Shoe", "https://m.example/2.jpg", "https://m.example/1.jpg")

    found = read("\t".join(("settings=x", "y")) + "\n" + "\n".join(map("\t".join, (header, cells))))

    assert found.profile == "amazon"
    assert found.images == {"A": ["https://m.example/1.jpg", "https://m.example/2.jpg"]}


def test_a_feed_gives_what_its_items_say_themselves() -> None:
    shoe = exported("google-merchant.xml").products["TRAIL-42"]

    assert shoe["fields"] == {
        "name": "Trail shoe & laces",
        "description": "Soft, <b>light</b>\nand green.",
        "price": "79.90",
        "currency": "EUR",
    }
    assert [image["url"] for image in shoe["images"]] == [
        "https://shop.example/img/trail_1.jpg?a=1&b=2",
        "https://shop.example/img/trail_2.jpg",
        "https://shop.example/img/w_800,h_600/trail_3.jpg",
    ]


def test_a_profile_can_be_chosen_or_switched_off() -> None:
    text = "sku,images,image_urls\nA,https://a.example/1.jpg,https://a.example/2.jpg\n"
    assert read(text).images == {"A": ["https://a.example/1.jpg"]}
    assert read(text, profile="none").images == {"A": ["https://a.example/2.jpg"]}
    assert read("id,image_link\nA,\n", profile="google-merchant").tally.products == 1
