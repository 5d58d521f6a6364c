"""A run's name and tags: what people search for, bounded whatever they are made of."""

from dataclasses import replace
from uuid import UUID

import pytest

from flows.runs.labels import JobLabel, hosts_of
from infra.contract.states import Lane
from tests.unit.flows.support.claims import claim_of

BATCH = UUID("01900000-0000-7000-8000-0000000000bb")


@pytest.mark.parametrize(
    ("images", "sku", "name"),
    [
        (1, "SHOE-42", "SHOE-42 · 1 image"),
        (3, "SHOE-42", "SHOE-42 · 3 images"),
        (1, None, "product 0000000000ff · 1 image"),
    ],
)
def test_a_run_is_named_for_its_product(images: int, sku: str | None, name: str) -> None:
    assert JobLabel.of(claim_of(images, sku=sku)).name == name


def test_a_run_is_tagged_with_its_lane_sku_batch_and_supplier() -> None:
    claim = replace(claim_of(2, sku="SHOE-42", lane=Lane.BULK), batch_id=BATCH)

    assert JobLabel.of(claim).tags == [
        "lane:bulk",
        "sku:SHOE-42",
        f"batch:{BATCH}",
        "host:supplier.example",
    ]


def test_what_is_not_known_is_no_tag() -> None:
    assert JobLabel.of(replace(claim_of(1), images=())).tags == ["lane:interactive"]


def test_the_three_suppliers_with_the_most_images_are_tags() -> None:
    urls = [f"https://{host}.example/{n}.jpg" for n in range(4) for host in "abcde"[: n + 1]]

    tags = replace(JobLabel.of(claim_of(1)), hosts=hosts_of(urls)).tags

    assert tags[1:] == ["host:a.example", "host:b.example", "host:c.example"]


def test_a_host_is_one_whatever_its_spelling_and_port() -> None:
    assert hosts_of(["http://A.example:8080/x", "https://a.example/y"]) == ("a.example",)


def test_an_uploaded_file_and_a_broken_address_have_no_host() -> None:
    assert hosts_of(["upload:" + "a" * 64, "nonsense"]) == ()


def test_no_tag_is_longer_than_its_bound() -> None:
    host = ".".join(["x" * 60] * 4)
    label = replace(JobLabel.of(claim_of(1, sku="x" * 200)), hosts=(host,))

    assert label.tags[1] == "sku:" + "x" * 96
    assert [len(tag) for tag in label.tags[1:]] == [100, 100]
