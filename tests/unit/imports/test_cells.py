"""Several things in one cell: URLs keep the commas, semicolons and bars that are theirs."""

import time

import pytest

from api.imports.build import texts_in, urls_in
from tests.unit.imports.reading import problems

A, B, C = (f"https://a.example/{name}.jpg" for name in "xyz")
COMMA = "https://a.example/w=5,h=6;q|z/x.jpg?a=1,2;b=|"


@pytest.mark.parametrize(
    ("cell", "urls"),
    [
        ("", []),
        (A, [A]),
        (f"{A} {B}", [A, B]),
        (f"{A}\n{B}\r\n{C}", [A, B, C]),
        (f"{A}|{B}", [A, B]),
        (f"{A} | {B}", [A, B]),
        (f"{A};{B};", [A, B]),
        (f"{A},{B}", [A, B]),
        (f"{A}, {B} ,{C}", [A, B, C]),
        (f" ,; {A} ;,| {B} |", [A, B]),
        (f"{A},HTTP://B.example/", [A, "HTTP://B.example/"]),
        (f"{A},ftp://b.example/x", [A, "ftp://b.example/x"]),
        (f"{COMMA[:-1]}x,{B}", [f"{COMMA[:-1]}x", B]),
        (f"https://a.example/fetch/w_300/{B}", [f"https://a.example/fetch/w_300/{B}"]),
        (f"{A},b.jpg", [f"{A},b.jpg"]),
        (f"{A} b.jpg", [A, "b.jpg"]),
        (",,,;;|", []),
    ],
)
def test_urls_are_cut_only_where_one_begins(cell: str, urls: list[str]) -> None:
    assert urls_in(cell) == urls


def test_hostile_cells_cost_no_time() -> None:
    for cell in ("," * 131_072, ",a" * 65_536, "|https:" * 18_000, "a" * 131_072 + "://"):
        started = time.process_time()
        urls_in(cell)
        assert time.process_time() - started < 5  # a quadratic search takes minutes


@pytest.mark.parametrize(
    ("cell", "texts"),
    [
        ("Front", ["Front"]),
        ("Front, left; above | Back", ["Front, left; above", "Back"]),
        ("Front\nBack", ["Front", "Back"]),
        ("|Back", ["", "Back"]),
    ],
)
def test_texts_are_cut_at_bars_and_line_breaks_alone(cell: str, texts: list[str]) -> None:
    assert texts_in(cell) == texts


@pytest.mark.parametrize(
    ("cells", "column", "code"),
    [
        ("b.jpg,", "image_urls", "invalid_url"),
        (f"{A} b.jpg,", "image_urls", "invalid_url"),
        ("ftp://a.example/x,", "image_urls", "invalid_url"),
        ("http://user:pass@a.example/,", "image_urls", "invalid_url"),
        (f"https://a.example/{'x' * 2100},", "image_urls", "invalid_url"),
        (f'"{" ".join(f"{A}?{n}" for n in range(101))}",', "image_urls", "too_many_urls"),
        (f"{A},Front|Back", "alt_texts", "invalid_request"),
        (",Front", "alt_texts", "invalid_request"),
        (f"{A},{'x' * 1001}", "alt_texts", "invalid_request"),
    ],
)
def test_what_is_no_picture_is_told(cells: str, column: str, code: str) -> None:
    assert problems(f"sku,image_urls,alt_texts\nA,{cells}\n") == [(2, column, code)]
