"""The operator's choice of source hosts."""

import pytest

from infra.contract.errors import FetchRefused
from infra.fetch.safety.host_lists import HostLists
from infra.fetch.safety.source_url import parse_source_url
from infra.settings.sections import SettingsError


def passes(url: str, *, allowed: str = "", denied: str = "") -> bool:
    lists = HostLists.parse(allowed.split(), denied.split())
    try:
        lists.check(parse_source_url(url))
    except FetchRefused as exc:
        return exc.code != "host_not_allowed"
    return True


def test_without_lists_every_host_may_serve() -> None:
    assert passes("http://anything.example/")


@pytest.mark.parametrize(
    ("url", "entry", "expected"),
    [
        ("http://a.example/", "a.example", True),
        ("http://A.EXAMPLE:8080/", "a.example", True),
        ("http://b.a.example/", "a.example", False),
        ("http://b.a.example/", ".a.example", True),
        ("http://a.example/", "*.a.example", True),
        ("http://xa.example/", ".a.example", False),
        ("http://0x7f.1/", "127.0.0.1", True),
        ("http://[::1]/", "[0:0::1]", True),
        ("http://bücher.example/", "xn--bcher-kva.example", True),
    ],
)
def test_an_entry_covers_its_host_in_every_spelling(
    url: str, entry: str, *, expected: bool
) -> None:
    assert passes(url, allowed=entry) is expected
    assert passes(url, denied=entry) is not expected


def test_a_denied_host_is_denied_although_its_domain_is_allowed() -> None:
    assert not passes("http://b.a.example/", allowed=".a.example", denied="b.a.example")


@pytest.mark.parametrize("entry", ["a.example:80", "http://a.example", "*a.example", "*", "."])
def test_an_entry_that_names_no_host_stops_the_process(entry: str) -> None:
    with pytest.raises(SettingsError, match="FETCH_DENIED_HOSTS"):
        HostLists.parse([], [entry])
