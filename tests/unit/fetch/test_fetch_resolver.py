"""Look-ups are bounded in time and number, whatever the system's resolver does."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

import pytest

from infra.contract.errors import FetchFailed
from infra.fetch.safety.host import Address
from infra.fetch.safety.resolver import Resolver, system_lookup

PUBLIC = ip_address("8.8.8.8")
DEADLINE_SECONDS = 10


class StuckLookup:
    """Answers nobody until it is released."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.released = threading.Event()

    def __call__(self, host: str) -> list[Address]:
        self.asked.append(host)
        assert self.released.wait(DEADLINE_SECONDS)
        return [PUBLIC]


@pytest.fixture
def stuck() -> Iterator[StuckLookup]:
    lookup = StuckLookup()
    yield lookup
    lookup.released.set()


def refused(resolver: Resolver, host: str, *, timeout_seconds: float = 0.05) -> str:
    """Return the detail of the failure that the look-up must end with."""
    with pytest.raises(FetchFailed) as caught:
        resolver.resolve(host, timeout_seconds=timeout_seconds)
    assert caught.value.code == "dns_failure"
    return caught.value.detail


def test_an_address_needs_no_lookup(stuck: StuckLookup) -> None:
    resolver = Resolver(stuck)
    assert resolver.resolve("8.8.8.8", timeout_seconds=0.01) == (PUBLIC,)
    assert resolver.resolve("::1", timeout_seconds=0.01) == (ip_address("::1"),)
    assert stuck.asked == []


def test_every_address_is_returned_once_and_in_order() -> None:
    found = [ip_address(text) for text in ("9.9.9.9", "8.8.8.8", "9.9.9.9")]
    resolver = Resolver(lambda host: found)
    assert resolver.resolve("a.example", timeout_seconds=1) == (found[0], found[1])


def test_a_stuck_lookup_fails_in_time_and_can_be_asked_again(stuck: StuckLookup) -> None:
    resolver = Resolver(stuck)
    assert "in time" in refused(resolver, "a.example")
    stuck.released.set()
    assert resolver.resolve("a.example", timeout_seconds=DEADLINE_SECONDS) == (PUBLIC,)


def test_all_callers_of_a_host_share_one_lookup(stuck: StuckLookup) -> None:
    resolver = Resolver(stuck)
    with ThreadPoolExecutor(8) as threads:
        answers = [
            threads.submit(resolver.resolve, "a.example", timeout_seconds=DEADLINE_SECONDS)
            for _ in range(8)
        ]
        refused(resolver, "a.example")
        stuck.released.set()
        assert {answer.result(DEADLINE_SECONDS) for answer in answers} == {(PUBLIC,)}
    assert set(stuck.asked) == {"a.example"}
    assert len(stuck.asked) <= 2  # a late thread may ask anew after the answer


def test_stuck_lookups_do_not_grow_without_bound(stuck: StuckLookup) -> None:
    resolver = Resolver(stuck, max_lookups=2)
    for host in ("a.example", "b.example"):
        refused(resolver, host)
    assert "Too many" in refused(resolver, "c.example")
    assert stuck.asked == ["a.example", "b.example"]


def test_a_name_without_address_fails() -> None:
    assert "no address" in refused(Resolver(lambda host: []), "a.example", timeout_seconds=1)


def test_a_name_that_does_not_exist_fails() -> None:
    def unknown(host: str) -> list[Address]:
        raise OSError("unknown")

    assert "cannot be resolved" in refused(Resolver(unknown), "a.example", timeout_seconds=1)


def test_the_system_knows_localhost() -> None:
    assert all(address.is_loopback for address in system_lookup("localhost"))
    assert system_lookup("localhost")
