"""The operator's exceptions from the address rule and the port rule."""

from ipaddress import ip_address

import pytest

from infra.contract.errors import FetchRefused
from infra.fetch.safety.allow_list import AllowList
from infra.fetch.safety.source_url import parse_source_url
from infra.settings.sections import SettingsError


def is_open(entries: str, url: str, *addresses: str) -> bool:
    """Whether a list with these entries lets the URL at these addresses pass."""
    allowed = AllowList.parse(entries.split(",") if entries else ())
    try:
        allowed.check(parse_source_url(url), [ip_address(address) for address in addresses])
    except FetchRefused as refused:
        return refused.code != "blocked_address"
    return True


OPEN = [
    ("", "http://shop.example/", "8.8.8.8"),
    ("", "https://shop.example/", "2606:4700:4700::1111"),
    ("", "https://shop.example:80/", "8.8.8.8"),
    ("localhost", "http://localhost/", "127.0.0.1"),
    ("localhost", "https://localhost/", "::1"),
    ("files.example", "http://files.example/", "100.64.0.1"),
    ("LOCALHOST.", "http://localhost/", "127.0.0.1"),
    ("localhost:9000", "http://localhost:9000/", "127.0.0.1"),
    ("127.0.0.1", "http://127.0.0.1:1234/", "127.0.0.1"),
    ("127.1:1234", "http://127.0.0.1:1234/", "127.0.0.1"),
    ("127.0.0.0/8", "http://shop.example:81/", "127.9.9.9"),
    ("127.0.0.0/8:81", "http://shop.example:81/", "127.9.9.9"),
    ("::1", "http://[::1]:81/", "::1"),
    ("[::1]", "http://[::1]:81/", "::1"),
    ("[::1]:81", "http://[::1]:81/", "::1"),
    ("fd00::/8", "http://shop.example/", "fd12::1"),
    ("[fd00::/8]:81", "http://shop.example:81/", "fd12::1"),
    ("8.8.8.8:8080", "http://8.8.8.8:8080/", "8.8.8.8"),
    ("shop.example:8080", "http://shop.example:8080/", "8.8.8.8"),
    ("a.example,10.0.0.0/8", "http://b.example/", "10.1.1.1"),
]

CLOSED = [
    ("", "http://localhost/", "127.0.0.1"),
    ("", "http://shop.example:8080/", "8.8.8.8"),
    ("", "http://shop.example:22/", "8.8.8.8"),
    ("localhost:9000", "http://localhost:9001/", "127.0.0.1"),
    ("localhost:9000", "http://localhost/", "127.0.0.1"),
    ("localhost", "http://other.example/", "127.0.0.1"),
    ("localhost", "http://localhost:5432/", "127.0.0.1"),
    ("files.example", "http://files.example:22/", "10.0.0.1"),
    ("files.example", "http://files.example/", "169.254.169.254"),
    ("files.example:8080", "http://files.example:8080/", "168.63.129.16"),
    ("files.example", "http://files.example/", "0.0.0.0"),
    ("files.example", "http://files.example/", "fe80::1"),
    ("example", "http://shop.example/", "127.0.0.1"),
    ("127.0.0.0/8:81", "http://shop.example:82/", "127.0.0.1"),
    ("10.0.0.0/8", "http://shop.example/", "192.168.0.1"),
    ("127.0.0.1", "http://[::ffff:127.0.0.1]/", "::ffff:127.0.0.1"),
]


@pytest.mark.parametrize(("entries", "url", "address"), OPEN)
def test_an_exception_opens_its_target(entries: str, url: str, address: str) -> None:
    assert is_open(entries, url, address)


@pytest.mark.parametrize(("entries", "url", "address"), CLOSED)
def test_an_exception_opens_nothing_else(entries: str, url: str, address: str) -> None:
    assert not is_open(entries, url, address)


def is_open_as_spelled(entries: str, url: str) -> bool:
    """Whether a list with these entries lets the URL pass before anything is looked up."""
    allowed = AllowList.parse(entries.split(",") if entries else ())
    try:
        allowed.check_spelling(parse_source_url(url))
    except FetchRefused as refused:
        return refused.code != "blocked_address"
    return True


@pytest.mark.parametrize(("entries", "url", "address"), OPEN)
def test_what_may_be_connected_to_is_not_refused_for_its_spelling(
    entries: str, url: str, address: str
) -> None:
    assert is_open(entries, url, address)
    assert is_open_as_spelled(entries, url)


@pytest.mark.parametrize(
    ("entries", "url"),
    [
        ("", "http://localhost/"),
        ("", "http://LOCALHOST./"),
        ("", "https://shop.localhost/"),
        ("localhost", "http://localhost:5432/"),
        ("localhost", "http://shop.localhost/"),
        ("10.0.0.0/8", "http://localhost/"),
        ("", "http://8.8.8.8:22/"),
        ("127.0.0.1:81", "http://127.0.0.1:82/"),
        ("127.0.0.1", "http://127.0.0.2/"),
        ("127.0.0.1", "http://[::ffff:127.0.0.1]/"),
    ],
)
def test_an_address_in_the_url_itself_is_judged_without_a_look_up(entries: str, url: str) -> None:
    assert not is_open_as_spelled(entries, url)


@pytest.mark.parametrize(
    ("entries", "url"),
    [
        ("", "http://shop.example:8080/"),  # its address may be an exception
        ("", "http://localhost.example/"),
        ("127.0.0.1", "http://localhost:5432/"),  # where localhost is 127.0.0.1 alone
        ("::1", "http://localhost:5432/"),
        ("shop.localhost", "http://shop.localhost/"),
    ],
)
def test_what_only_a_look_up_can_tell_is_left_to_it(entries: str, url: str) -> None:
    assert is_open_as_spelled(entries, url)


def test_one_forbidden_address_among_public_ones_is_enough() -> None:
    assert not is_open("", "http://shop.example/", "8.8.8.8", "10.0.0.1")
    assert not is_open("", "http://shop.example/", "10.0.0.1", "8.8.8.8")
    assert not is_open("127.0.0.1", "http://shop.example/", "127.0.0.1", "10.0.0.1")
    assert is_open("127.0.0.1", "http://shop.example/", "127.0.0.1", "8.8.8.8")


@pytest.mark.parametrize(
    "entry",
    [
        *("", "*", "*.example.com", "http://localhost", "localhost:", "localhost:0"),
        *("localhost:65536", "localhost:http", "a b", "10.0.0.1/8", "10.0.0.0/33", "[::1", "::g"),
        *("[fe80::1%eth0]", "user@localhost", "256.0.0.1", "localhost/8", "[::1]:x", "a:1:2"),
    ],
)
def test_a_malformed_entry_stops_with_the_variables_name(entry: str) -> None:
    with pytest.raises(SettingsError, match="FETCH_ALLOWED_PRIVATE_HOSTS"):
        AllowList.parse(["localhost", entry])
