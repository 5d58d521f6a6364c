"""Rows of one product become one product, in their order, however far apart they stand."""

from dataclasses import replace

from tests.unit.imports.reading import LIMITS, read

A, B, C = (f"https://a.example/{name}.jpg" for name in "xyz")


def test_rows_of_a_sku_are_merged_in_order() -> None:
    found = read(
        "sku,name,price,currency,image_urls,alt_text,metadata\n"
        f'S-1,Shoe,,,{B},,"{{""a"": 1}}"\n'
        f"S-2,Cap,,,{C},,\n"
        f"S-1,Other,9,EUR,{A},Front,\n"
        f'S-1,,,,{B} {C},Back,"{{""a"": 2, ""b"": 3}}"\n'
    )

    assert found.products["S-1"] == {
        "fields": {"name": "Shoe", "price": "9", "currency": "EUR"},
        "images": [{"url": B, "alt": "Back"}, {"url": A, "alt": "Front"}, {"url": C}],
        "metadata": {"a": 1, "b": 3},
        "rows": 3,
    }
    tally = found.tally
    assert (tally.rows, tally.accepted, tally.products, tally.jobs) == (4, 4, 2, 2)
    assert [preview.line for preview in tally.preview] == [2, 3]


def test_rows_are_merged_however_far_apart_they_stand() -> None:
    rows = [
        f"S-{number},https://a.example/{half}/{number}.jpg"
        for half in (1, 2)
        for number in range(3_000)
    ]

    found = read("sku,image_urls\n" + "\n".join(rows))

    assert (found.tally.rows, found.tally.products) == (6_000, 3_000)
    assert found.images["S-2999"] == [f"https://a.example/{half}/2999.jpg" for half in (1, 2)]
    assert [line[1] for line in found.lines] == [str(number + 2) for number in range(3_000)]


def test_a_bad_row_does_not_take_the_others_of_its_product_along() -> None:
    found = read(f"sku,image_urls\nS-1,{A}\nS-1,nonsense\nS-1,{B}\n")

    assert found.images == {"S-1": [A, B]}
    assert [(p.line, p.code) for p in found.tally.problems] == [(3, "invalid_url")]
    assert (found.tally.accepted, found.tally.rejected) == (2, 1)
    assert sorted((line[1], line[4]) for line in found.lines) == [
        ("2", "\\N"),
        ("3", "invalid_url"),
    ]


def test_the_row_with_too_many_images_for_its_product_is_rejected() -> None:
    limits = replace(LIMITS, api=LIMITS.api.model_copy(update={"max_urls": 2}))

    found = read(f"sku,image_urls\nS-1,{A}\nS-1,{B} {C}\nS-1,{B}\n", limits=limits)

    assert found.images == {"S-1": [A, B]}
    assert [(p.line, p.code) for p in found.tally.problems] == [(3, "too_many_urls")]


def test_a_group_is_named_by_its_first_sku_also_by_that_of_a_bad_row() -> None:
    found = read(
        f"handle,sku,image_urls\na,,{A}\na,S-1,nonsense\na,S-2,{B}\nb,,{C}\n",
        mapping={"handle": "group"},
    )
    assert found.images == {"S-1": [A, B], "b": [C]}


def test_two_groups_of_one_sku_are_not_one_product() -> None:
    found = read(
        f"handle,sku,image_urls\na,S-1,{A}\nb,S-1,{B}\nb,,{C}\n", mapping={"handle": "group"}
    )

    assert found.images == {"S-1": [A]}
    assert [(p.line, p.code) for p in found.tally.problems] == [
        (3, "duplicate_sku"),
        (4, "duplicate_sku"),
    ]
    assert (found.tally.accepted, found.tally.rejected) == (1, 2)
