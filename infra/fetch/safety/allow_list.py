"""The operator's exceptions, and the decision whether a URL may be fetched from an address.

An entry names a host or a network, and perhaps a port; it lifts the address rule and the port
rule for its target. Nothing here resolves a name or opens a connection.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from infra.contract.errors import ErrorCode, FetchRefused
from infra.fetch.safety.addresses import refusal
from infra.fetch.safety.host import Address, literal_address, normalised_host, spelled_addresses
from infra.fetch.safety.source_url import DEFAULT_PORTS, SourceUrl
from infra.settings.sections import SettingsError

VARIABLE = "FETCH_ALLOWED_PRIVATE_HOSTS"

_MAX_PORT = 65535
_OPENED_BY_NAME = (None, "private", "loopback", "carrier-internal")
_BRACKETED = re.compile(r"\[(?P<target>[^\[\]]+)\](:(?P<port>[0-9]{1,5}))?", re.ASCII)
_BARE_IPV6 = re.compile(r"(?P<target>[^\[\]]*:[^\[\]]*:[^\[\]]*)(?P<port>)")
_OTHER = re.compile(r"(?P<target>[^:\[\]]+)(:(?P<port>[0-9]{1,5}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Exemption:
    """One entry: a host name or a network, at one port or, for a network, at all.

    A name without a port opens 80 and 443. The owner of a name chooses its addresses, so a
    name opens ordinary private ones alone, never those of a cloud's metadata.
    """

    host: str | None
    network: IPv4Network | IPv6Network | None
    port: int | None

    @classmethod
    def parse(cls, entry: str) -> "Exemption":
        """Read one entry; raise `SettingsError` naming it."""
        parts = next(
            (
                match
                for shape in (_BRACKETED, _BARE_IPV6, _OTHER)
                if (match := shape.fullmatch(entry))
            ),
            None,
        )
        if parts is None or "%" in entry:  # a zone names an interface, not a target
            raise _malformed(entry)
        port = int(parts["port"]) if parts["port"] else None
        if port is not None and not 1 <= port <= _MAX_PORT:
            raise _malformed(entry)
        target = parts["target"]
        try:
            if "/" in target or ":" in target:
                return cls(None, ip_network(target), port)
            host = normalised_host(target)
        except (ValueError, FetchRefused) as exc:
            raise _malformed(entry) from exc
        if literal_address(host) is None:
            return cls(host, None, port)
        return cls(None, ip_network(host), port)

    def covers(self, url: SourceUrl, address: Address) -> bool:
        """Whether the entry opens this address for this URL."""
        if self.network is not None:
            return self.port in (None, url.port) and address in self.network
        ports = DEFAULT_PORTS.values() if self.port is None else (self.port,)
        return self.host == url.host and url.port in ports and refusal(address) in _OPENED_BY_NAME


@dataclass(frozen=True, slots=True)
class AllowList:
    """All entries; empty by default."""

    exemptions: tuple[Exemption, ...] = ()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> "AllowList":
        """Read `host`, `host:port`, `CIDR`, `CIDR:port` and `[v6]:port` entries.

        Raises `SettingsError` naming the variable and the entry.
        """
        return cls(tuple(Exemption.parse(entry) for entry in entries))

    def check(self, url: SourceUrl, addresses: Iterable[Address]) -> None:
        """Raise `FetchRefused` unless every address of the URL's host may be connected to."""
        for address in addresses:
            if self._exempts(url, address):
                continue
            if kind := refusal(address):
                raise _blocked(f"{url.host} has a {kind} address, which is not connected to.")
            if url.port not in DEFAULT_PORTS.values():
                raise _blocked(f"Port {url.port} is not connected to; use 80 or 443.")

    def check_spelling(self, url: SourceUrl) -> None:
        """Raise `FetchRefused` when the URL by itself names what `check` is sure to refuse.

        Nothing is looked up: a name other than `localhost` passes, and `check` decides later.
        """
        addresses = spelled_addresses(url.host)
        if not any(self._exempts(url, address) for address in addresses):
            self.check(url, addresses)

    def _exempts(self, url: SourceUrl, address: Address) -> bool:
        return any(exemption.covers(url, address) for exemption in self.exemptions)


def _blocked(detail: str) -> FetchRefused:
    return FetchRefused(ErrorCode.BLOCKED_ADDRESS, detail)


def _malformed(entry: str) -> SettingsError:
    return SettingsError(
        f"{VARIABLE} is wrong: {entry!r} is not a host, host:port, CIDR, CIDR:port or [IPv6]:port."
    )
