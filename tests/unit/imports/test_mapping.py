"""Columns under names of their own: what a mapping says, and what is told of the rest."""

import pytest

from api.imports.columns import parse_mapping
from infra.contract.errors import ErrorCode, Rejected
from tests.unit.imports.reading import read

A, B, C = (f"https://a.example/{name}.jpg" for name in "xyz")


@pytest.mark.parametrize(
    ("texts", "mapping"),
    [
        ([], {}),
        (
            ["Image Src:image_urls,Variant SKU:sku"],
            {"Image Src": "image_urls", "Variant SKU": "sku"},
        ),
        ([" Bild 1 : image_urls , Art.-Nr.: sku "], {"Bild 1": "image_urls", "Art.-Nr.": "sku"}),
        (["GTIN, UPC, EAN, or ISBN:sku"], {"GTIN, UPC, EAN, or ISBN": "sku"}),
        (["Meta: _colour:name"], {"Meta: _colour": "name"}),
        (["a:sku", "b:name,c:ignore"], {"a": "sku", "b": "name", "c": "ignore"}),
        (["a:product_name,Handle:group"], {"a": "name", "Handle": "group"}),
    ],
)
def test_a_mapping_is_read_as_people_write_it(texts: list[str], mapping: dict[str, str]) -> None:
    assert parse_mapping(texts) == mapping


@pytest.mark.parametrize("text", ["Image Src", "a:b", "a:sku,b", ":sku"])
def test_what_is_no_mapping_is_refused_with_the_fields(text: str) -> None:
    with pytest.raises(Rejected) as refused:
        parse_mapping([text])
    assert refused.value.code == ErrorCode.INVALID_REQUEST
    assert "image_urls" in refused.value.detail


def test_columns_of_any_name_are_read_by_a_mapping() -> None:
    found = read(
        f"Art.-Nr.;Bezeichnung;Bild 2;Bild 1;Farbe\nS-1;Schuh;{B};{A};rot\n",
        mapping=parse_mapping(
            ["Art.-Nr.:sku,Bezeichnung:name,Bild 1:image_urls,bild_2:image_urls"]
        ),
    )

    assert found.products == {
        "S-1": {"fields": {"name": "Schuh"}, "images": [{"url": A}, {"url": B}]}
    }
    assert list(found.facts.columns.ignored) == ["Farbe"]


def test_a_mapping_comes_before_the_profile() -> None:
    text = f"Handle,Variant SKU,Image Src,Extra\ncap,CAP-1,{A},{B}\n"

    found = read(text, mapping={"Handle": "sku", "Variant SKU": "ignore", "Extra": "image_urls"})

    assert found.profile == "shopify"
    assert found.images == {"cap": [B]}
    assert set(found.facts.columns.ignored) == {"Variant SKU", "Image Src"}


def test_of_several_columns_for_a_field_the_first_with_a_value_counts() -> None:
    text = "a,b,sku\n,two,S-1\none,two,S-2\n"
    found = read(text, mapping={"a": "name", "b": "name"})
    names = {sku: content["fields"]["name"] for sku, content in found.products.items()}
    assert names == {"S-1": "two", "S-2": "one"}


def test_what_a_mapping_names_in_vain_and_what_is_nearly_known_is_told() -> None:
    remarks = read("sku,nmae\nS-1,x\n", mapping={"Bild": "image_urls"}).facts.remarks()

    assert "The file has no column 'Bild'." in remarks
    assert "The column 'nmae' is ignored; did you mean 'name'?" in remarks
    assert any(told.startswith("No column has images") for told in remarks)


def test_members_of_json_and_elements_of_feeds_are_mapped_as_columns_are() -> None:
    mapping = {"nr": "sku", "bild": "image_urls"}
    feed = f"<rss><item><nr>S-1</nr><bild>{A}</bild><bild>{C}</bild></item></rss>"

    assert read(f'{{"nr": "S-1", "bild": ["{A}"]}}', mapping=mapping).images == {"S-1": [A]}
    assert read(feed, mapping=mapping).images == {"S-1": [A, C]}


@pytest.mark.parametrize("separator", [",", ";", "|", " ", "\n", ", ", " | ", ";\n"])
@pytest.mark.parametrize("end", ["", "sep"])
def test_addresses_are_cut_at_whatever_the_file_uses(separator: str, end: str) -> None:
    tricky = "https://a.example/w=5,h=6;q|z/x.jpg?a=1,2"
    cell = separator.join((A, tricky, B)) + (separator if end else "")
    assert read(f'sku,image_urls\nS-1,"{cell}"\n').images == {"S-1": [A, tricky, B]}


@pytest.mark.parametrize("separator", [",", ";", "|", "\n"])
def test_relative_addresses_are_cut_as_well(separator: str) -> None:
    cell = separator.join(("/a/b 1.jpg", "c.jpg", f"{A}")[:2]) + separator
    found = read(f'sku,image_urls\nS-1,"{cell}"\n', base_url="https://s.example/media/")
    assert found.images == {
        "S-1": ["https://s.example/media/a/b%201.jpg", "https://s.example/media/c.jpg"]
    }


@pytest.mark.parametrize(
    ("price", "read_as"),
    [
        ("15.00 USD", ("15.00", "USD")),
        ("EUR 15,00", ("15.00", "EUR")),
        ("15 eur", ("15", "EUR")),
        ("15", ("15", "CHF")),
    ],
)
def test_a_price_may_bring_its_currency(price: str, read_as: tuple[str, str]) -> None:
    found = read(f'sku,price\nS-1,"{price}"\n', currency="CHF")
    fields = found.products["S-1"]["fields"]
    assert (fields["price"], fields["currency"]) == read_as
