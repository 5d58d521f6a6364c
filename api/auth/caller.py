"""Who sends a request: the key in its headers, and the address it comes from."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import Scope

from infra.loopback import is_loopback
from tasks.keys.form import PresentedKey, parse_key

_PROXY_FIELDS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_NETWORK_BITS = 64  # what one customer of a provider has; single IPv6 addresses cost nothing


@dataclass(frozen=True, slots=True)
class Caller:
    """`offered` says that there was a key, `presented` that it may be one of ours."""

    offered: bool
    presented: PresentedKey | None
    address: str
    passed_on: bool = False

    @property
    def is_here(self) -> bool:
        """Whether the request comes from this machine, and not through a proxy on it."""
        return is_loopback(self.address) and not self.passed_on

    @property
    def place(self) -> str:
        """The address as it is counted: a network of IPv6, a single address of IPv4."""
        return place_of(self.address)


def place_of(address: str) -> str:
    """Return an address as it is counted: a network of IPv6, a single address of IPv4."""
    parsed = plain_address(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((int(parsed), _NETWORK_BITS), strict=False))
    return address if parsed is None else str(parsed)


def plain_address(address: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address, IPv4 taken out of IPv6; None for anything else."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


def caller_of(scope: Scope) -> Caller:
    """Read the headers: `Authorization: Bearer KEY`, or `X-API-Key: KEY`."""
    headers = Headers(scope=scope)
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    text = credentials.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
    client = scope.get("client") or ("", 0)
    return Caller(
        offered=bool(text),
        presented=parse_key(text),
        address=str(client[0]),
        passed_on=any(field in headers for field in _PROXY_FIELDS) or not _asks_here(headers),
    )


def _asks_here(headers: Headers) -> bool:
    """Whether the caller knows the server by an address of this machine, if it says by which.

    A proxy keeps the public name; so does a web page whose own name was made to lead here.
    """
    host = headers.get("host", "localhost")
    name = host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    return is_loopback(name)
