"""Where a key is read from, and under which name an address is counted."""

import pytest
from starlette.types import Scope

from api.auth.caller import caller_of
from tasks.keys.form import new_key, parse_key


def connection(client: tuple[str, int] | None = ("192.0.2.7", 1), **headers: str) -> Scope:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "headers": raw, "client": client}


def test_a_key_is_read_from_either_header() -> None:
    key = new_key()
    for headers in (
        {"authorization": f"Bearer {key}"},
        {"authorization": f"bearer  {key} "},
        {"x_api_key": key},
        {"authorization": "Basic eDp5", "x_api_key": key},
    ):
        caller = caller_of(connection(**headers))
        assert caller.offered
        assert caller.presented == parse_key(key), headers


def test_without_a_key_nothing_is_offered() -> None:
    for headers in ({}, {"authorization": "Basic eDp5"}, {"authorization": "Bearer "}):
        assert not caller_of(connection(**headers)).offered


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::1", "::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("somebody", "somebody"),
    ],
)
def test_addresses_are_counted_by_what_one_customer_has(address: str, place: str) -> None:
    assert caller_of(connection(client=(address, 1))).place == place


def test_loopback_is_here_and_everything_else_is_not() -> None:
    for address in ("127.0.0.1", "::1"):
        assert caller_of(connection(client=(address, 1))).is_here
    for address in ("192.0.2.7", "10.0.0.1", "somebody"):
        assert not caller_of(connection(client=(address, 1))).is_here


def test_a_caller_without_address_is_nobody_here() -> None:
    assert not caller_of(connection(client=None)).is_here


@pytest.mark.parametrize("field", ["forwarded", "x_forwarded_for", "x_real_ip", "via"])
def test_what_a_proxy_on_this_machine_passes_on_is_not_from_here(field: str) -> None:
    assert not caller_of(connection(("127.0.0.1", 1), **{field: "127.0.0.1"})).is_here


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "localhost:8080", "[::1]:8080"])
def test_asking_for_this_machine_is_asking_here(host: str) -> None:
    assert caller_of(connection(("127.0.0.1", 1), host=host)).is_here


@pytest.mark.parametrize("host", ["api.example.com", "evil.example:8080", "[2001:db8::1]:80", ""])
def test_asking_for_another_name_is_not_asking_here(host: str) -> None:
    assert not caller_of(connection(("127.0.0.1", 1), host=host)).is_here
