"""Brings the host of a URL into one spelling: a lower-case ASCII name or a plain IP address.

Whatever a system resolver would read as an address (`2130706433`, `0x7f.1`, `0177.0.0.1`) becomes
the address here, so that no later reader can see another host than the one that was checked.
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address

import idna

from infra.contract.errors import ErrorCode, FetchRefused

Address = IPv4Address | IPv6Address

_MAX_NAME_CHARACTERS = 253  # of a DNS name
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_IPV4_BITS = 32
_LOCALHOST = "localhost"
_LOOPBACK: tuple[Address, ...] = (IPv4Address("127.0.0.1"), IPv6Address("::1"))


def bad_url(detail: str) -> FetchRefused:
    """Return the error of a URL that is not usable."""
    return FetchRefused(ErrorCode.BAD_URL, detail)


def normalised_host(text: str) -> str:
    """Return the host as a lower-case ASCII name, a dotted IPv4 or a bare IPv6 address.

    `text` is what a URL has between `//` and the port; IPv6 in brackets. Raises `FetchRefused`.
    """
    if text.startswith("["):
        if "%" in text:
            raise bad_url("The URL's host must not name a network interface.")
        try:
            return str(IPv6Address(text.removeprefix("[").removesuffix("]")))
        except AddressValueError as exc:
            raise bad_url("The URL's host is not a valid IPv6 address.") from exc
    if not text.isascii():
        if len(text) > _MAX_NAME_CHARACTERS:
            raise bad_url("The URL's host is too long.")
        try:
            text = idna.encode(text, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError) as exc:
            raise bad_url("The URL's host is not a valid international name.") from exc
    name = text.lower().removesuffix(".")
    if not name:
        raise bad_url("The URL names no host.")
    labels = name.split(".")
    if len(name) > _MAX_NAME_CHARACTERS or not all(map(_LABEL.fullmatch, labels)):
        raise bad_url("The URL's host is not a valid name.")
    return str(_ipv4(labels)) if _NUMBER.fullmatch(labels[-1]) else name


def literal_address(host: str) -> Address | None:
    """Return the address when the normalised host is one, not a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def spelled_addresses(host: str) -> tuple[Address, ...]:
    """Return the addresses that the normalised host stands for without any look-up.

    One for an address, both of loopback for `localhost` and the names below it (RFC 6761), none
    for any other name.
    """
    if host == _LOCALHOST or host.endswith(f".{_LOCALHOST}"):
        return _LOOPBACK
    address = literal_address(host)
    return () if address is None else (address,)


def _ipv4(labels: list[str]) -> IPv4Address:
    """Read one to four numbers as the C library does: the last one fills the remaining bytes."""
    numbers = []
    for label in labels:
        if not _NUMBER.fullmatch(label):  # int() alone would take 1_0, -1 and 0o7
            raise bad_url("The URL's host is not a valid IPv4 address.")
        base = 16 if label.startswith("0x") else 8 if label.startswith("0") else 10
        try:
            numbers.append(int(label.removeprefix("0x") or "0", base))
        except ValueError as exc:
            raise bad_url("The URL's host is not a valid IPv4 address.") from exc
    *leading, last = numbers
    last_bits = _IPV4_BITS - 8 * len(leading)
    if last_bits <= 0 or any(part > 255 for part in leading) or last >= 1 << last_bits:
        raise bad_url("The URL's host is not a valid IPv4 address.")
    value = last
    for index, part in enumerate(leading):
        value |= part << (_IPV4_BITS - 8 * (index + 1))
    return IPv4Address(value)
