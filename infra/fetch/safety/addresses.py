"""Says which IP addresses are never a supplier's: the deny table, and IPv4 hidden inside IPv6.

The standard library's `is_global` and `is_private` are not used: their answers differ between
Python versions and are wrong for several spellings of loopback. This module must not know names,
ports or exceptions from the rule.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Network

from infra.fetch.safety.host import Address

# Every network of the IANA special-purpose registry, reachable or not, and what clouds add.
_DENIED_IPV4 = tuple(
    (IPv4Network(network), kind)
    for network, kind in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-internal"),  # shared by carriers; metadata of some clouds
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "cloud-internal"),  # metadata and name service, in public space
        ("169.254.0.0/16", "link-local"),  # cloud metadata among them
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "reserved"),  # documentation
        ("192.31.196.0/24", "reserved"),  # AS112
        ("192.52.193.0/24", "reserved"),  # AMT
        ("192.88.99.0/24", "reserved"),  # 6to4 relays
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "reserved"),  # AS112
        ("198.18.0.0/15", "reserved"),  # benchmarks
        ("198.51.100.0/24", "reserved"),  # documentation
        ("203.0.113.0/24", "reserved"),  # documentation
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),  # and broadcast
    )
)

# The only space that hosts on the internet have; what lies outside is refused without a name.
_PUBLIC_IPV6 = IPv6Network("2000::/3")
_DENIED_IPV6 = tuple(
    (IPv6Network(network), kind)
    for network, kind in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::/96", "reserved"),  # IPv4-compatible
        ("fc00::/7", "private"),  # cloud metadata among them
        ("fe80::/10", "link-local"),
        ("fec0::/10", "private"),  # site-local
        ("ff00::/8", "multicast"),
        ("2001::/23", "reserved"),  # Teredo, benchmarks, ORCHID
        ("2001:db8::/32", "reserved"),  # documentation
        ("2002::/16", "reserved"),  # 6to4
        ("2620:4f:8000::/48", "reserved"),  # AS112
        ("3ffe::/16", "reserved"),  # the former 6bone
        ("3fff::/20", "reserved"),  # documentation
    )
)

_NAT64 = IPv6Network("64:ff9b::/96")  # how hosts without IPv4 see every IPv4 host
_ISATAP_INTERFACES = (0x0000_5EFE, 0x0200_5EFE)


def refusal(address: Address) -> str | None:
    """Return what kind of forbidden address it is ("loopback", "private" …), or None.

    Packets to an IPv6 address could also end at the IPv4 addresses that it spells.
    """
    if isinstance(address, IPv4Address):
        return next((kind for network, kind in _DENIED_IPV4 if address in network), None)
    mapped, is_nat64 = address.ipv4_mapped, address in _NAT64
    if mapped is not None and (kind := refusal(mapped)):
        return kind
    is_isatap = int(address) >> 32 & 0xFFFF_FFFF in _ISATAP_INTERFACES
    embedded = IPv4Address(int(address) & 0xFFFF_FFFF)
    if (is_nat64 or is_isatap) and (kind := refusal(embedded)):
        return kind
    if mapped is not None or is_nat64:
        return None  # its IPv4 address decides
    for network, kind in _DENIED_IPV6:
        if address in network:
            return kind
    return None if address in _PUBLIC_IPV6 else "reserved"
