"""Which addresses are never fetched from, in all their spellings."""

import socket
from ipaddress import ip_address

import pytest

from infra.fetch.safety.addresses import refusal

FORBIDDEN = [
    # IPv4
    ("0.0.0.0", "unspecified"),
    ("0.1.2.3", "unspecified"),
    ("10.0.0.1", "private"),
    ("10.255.255.255", "private"),
    ("100.64.0.1", "carrier-internal"),
    ("100.100.100.200", "carrier-internal"),
    ("100.127.255.255", "carrier-internal"),
    ("127.0.0.1", "loopback"),
    ("127.255.255.254", "loopback"),
    ("168.63.129.16", "cloud-internal"),
    ("169.254.0.1", "link-local"),
    ("169.254.169.254", "link-local"),
    ("169.254.170.2", "link-local"),
    ("172.16.0.1", "private"),
    ("172.31.255.255", "private"),
    ("192.0.0.1", "reserved"),
    ("192.0.0.192", "reserved"),
    ("192.0.2.1", "reserved"),
    ("192.88.99.1", "reserved"),
    ("192.168.0.1", "private"),
    ("192.168.255.255", "private"),
    ("198.18.0.1", "reserved"),
    ("198.19.255.255", "reserved"),
    ("198.51.100.1", "reserved"),
    ("203.0.113.1", "reserved"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.255", "multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "reserved"),
    # IPv6
    ("::", "unspecified"),
    ("::1", "loopback"),
    ("fc00::1", "private"),
    ("fd00:ec2::254", "private"),
    ("fd20:ce::254", "private"),
    ("fdff::1", "private"),
    ("fe80::1", "link-local"),
    ("fe80::1%eth0", "link-local"),
    ("febf::1", "link-local"),
    ("fec0::1", "private"),
    ("ff02::1", "multicast"),
    ("ff0e::1", "multicast"),
    ("100::1", "reserved"),
    ("5f00::1", "reserved"),
    ("4000::1", "reserved"),
    ("2001:db8::1", "reserved"),
    ("2001:2::1", "reserved"),
    ("2001:10::1", "reserved"),
    ("2001:20::1", "reserved"),
    ("3fff::1", "reserved"),
    ("3ffe::1", "reserved"),
    # IPv4 inside IPv6
    ("::ffff:127.0.0.1", "loopback"),
    ("::ffff:7f00:1", "loopback"),
    ("0:0:0:0:0:ffff:a9fe:a9fe", "link-local"),
    ("::ffff:10.0.0.1", "private"),
    ("::ffff:0:127.0.0.1", "reserved"),  # translated
    ("::127.0.0.1", "reserved"),  # compatible
    ("::8.8.8.8", "reserved"),
    ("64:ff9b::127.0.0.1", "loopback"),  # NAT64
    ("64:ff9b::a9fe:a9fe", "link-local"),
    ("64:ff9b::10.0.0.1", "private"),
    ("64:ff9b::224.0.0.1", "multicast"),
    ("64:ff9b:1::7f00:1", "reserved"),  # NAT64 of one network
    ("64:ff9b:1:ffff::8.8.8.8", "reserved"),
    ("2002:7f00:1::", "reserved"),  # 6to4
    ("2002:a9fe:a9fe::1", "reserved"),
    ("2002:808:808::1", "reserved"),
    ("2001:0:4136:e378:8000:63bf:80ff:fffe", "reserved"),  # Teredo
    ("2001::1", "reserved"),
    ("2600:1f00::5efe:127.0.0.1", "loopback"),  # ISATAP
    ("2600:1f00::200:5efe:10.0.0.1", "private"),
]

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.17",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "2a00:1450:4001:800::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2600:1f00::5efe:8.8.8.8",
]


@pytest.mark.parametrize(("text", "kind"), FORBIDDEN)
def test_an_address_that_is_no_suppliers_is_refused(text: str, kind: str) -> None:
    assert refusal(ip_address(text)) == kind


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_passes(text: str) -> None:
    assert refusal(ip_address(text)) is None


def test_whatever_the_system_reads_as_loopback_is_refused() -> None:
    for text in ("127.1", "0x7f.1", "0177.1", "2130706433", "017700000001"):
        packed = socket.inet_aton(text)
        assert refusal(ip_address(packed)) == "loopback", text
