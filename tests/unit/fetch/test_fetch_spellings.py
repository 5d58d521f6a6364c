"""URLs as people and attackers spell them, judged whole: read, normalised, then looked at.

`pytest tests/unit/fetch/test_fetch_spellings.py -v` prints the table, and at its end the count.
"""

import pytest

from infra.contract.errors import FetchRefused
from infra.fetch.safety.addresses import refusal
from infra.fetch.safety.allow_list import AllowList
from infra.fetch.safety.host import literal_address
from infra.fetch.safety.source_url import parse_source_url

BAD_URL = "bad_url"
PUBLIC = "public"
MIN_SPELLINGS = 60

# The authority of a URL, and what becomes of it: the kind of address that is refused.
SPELLINGS = {
    # Loopback: dotted, short, decimal, octal, hexadecimal, mixed
    "127.0.0.1": "loopback",
    "127.1": "loopback",
    "127.0.1": "loopback",
    "2130706433": "loopback",
    "0x7f000001": "loopback",
    "0X7F.0X0.0X0.0X1": "loopback",
    "0x7f.1": "loopback",
    "017700000001": "loopback",
    "0177.0.0.01": "loopback",
    "0000177.0.0.1": "loopback",
    "0x7f.0.0.01": "loopback",
    "127.0.0.1.": "loopback",
    "127.0.0.1:80": "loopback",
    # Loopback in other scripts
    "\uff11\uff12\uff17.\uff10.\uff10.\uff11": "loopback",
    "①②⑦.⓪.⓪.①": "loopback",
    "127\u30020\u30020\u30021": "loopback",
    "127\uff0e0\uff0e0\uff0e1": "loopback",
    "127\uff610\uff610\uff611": "loopback",
    "0\uff587f.1": "loopback",
    "\U0001d7d9\U0001d7da\U0001d7df.0.0.1": "loopback",
    # Cloud metadata
    "169.254.169.254": "link-local",
    "2852039166": "link-local",
    "0xa9fea9fe": "link-local",
    "0251.0376.0251.0376": "link-local",
    "169.254.43518": "link-local",
    "169.254.169.254.": "link-local",
    "①⑥⑨.②⑤④.①⑥⑨.②⑤④": "link-local",
    "169.254.170.2": "link-local",
    "[fd00:ec2::254]": "private",
    "[fd20:ce::254]": "private",
    "100.100.100.200": "carrier-internal",
    "192.0.0.192": "reserved",
    "168.63.129.16": "cloud-internal",
    # Private, carrier, documentation, benchmarks, the rest of IPv4
    "10.0.0.1": "private",
    "10.1.258": "private",
    "167772161": "private",
    "172.16.0.1": "private",
    "192.168.1.1": "private",
    "0xc0a80101": "private",
    "0300.0250.1.1": "private",
    "100.64.0.1": "carrier-internal",
    "198.18.0.1": "reserved",
    "192.0.2.1": "reserved",
    "198.51.100.1": "reserved",
    "203.0.113.1": "reserved",
    "192.88.99.1": "reserved",
    "224.0.0.1": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "4294967295": "reserved",
    "0": "unspecified",
    "0.0.0.0": "unspecified",
    "0x0": "unspecified",
    # IPv6
    "[::]": "unspecified",
    "[::1]": "loopback",
    "[0:0:0:0:0:0:0:1]": "loopback",
    "[0000::0001]:443": "loopback",
    "[fc00::1]": "private",
    "[fec0::1]": "private",
    "[fe80::1]": "link-local",
    "[ff02::1]": "multicast",
    "[2001:db8::1]": "reserved",
    "[100::1]": "reserved",
    # IPv4 within IPv6
    "[::ffff:127.0.0.1]": "loopback",
    "[::ffff:7f00:1]": "loopback",
    "[::FFFF:A9FE:A9FE]": "link-local",
    "[::127.0.0.1]": "reserved",
    "[::ffff:0:127.0.0.1]": "reserved",
    "[64:ff9b::7f00:1]": "loopback",
    "[64:ff9b::169.254.169.254]": "link-local",
    "[64:ff9b:1::10.0.0.1]": "reserved",
    "[2002:7f00:1::]": "reserved",
    "[2002:a9fe:a9fe::1]": "reserved",
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]": "reserved",
    "[2600:1f00::5efe:127.0.0.1]": "loopback",
    "[2600:1f00::200:5efe:a9fe:a9fe]": "link-local",
    # What is read by nobody, because two readers may read it differently
    "[fe80::1%eth0]": BAD_URL,
    "[fe80::1%25eth0]": BAD_URL,
    "example.com@127.0.0.1": BAD_URL,
    "user:word@127.0.0.1": BAD_URL,
    "127.0.0.1\\@example.com": BAD_URL,
    "example.com\\.127.0.0.1": BAD_URL,
    "127.0.0.1%2eexample.com": BAD_URL,
    "%31%32%37.0.0.1": BAD_URL,
    "127.0.0.1\t": BAD_URL,
    "127.0.0.1..": BAD_URL,
    "127.0.0.256": BAD_URL,
    "127.0.0.0.1": BAD_URL,
    "127.0.0.08": BAD_URL,
    "4294967296": BAD_URL,
    "0x100000000": BAD_URL,
    "::1": BAD_URL,
    "[127.0.0.1]": BAD_URL,
    "127.0.0.1:99999": BAD_URL,
    # What suppliers have
    "8.8.8.8": PUBLIC,
    "134744072": PUBLIC,
    "0x8.8.8.8": PUBLIC,
    "8.8.8.8.": PUBLIC,
    "⑧.8.8.8": PUBLIC,
    "[2001:4860:4860::8888]": PUBLIC,
    "[::ffff:8.8.8.8]": PUBLIC,
    "[64:ff9b::8.8.8.8]": PUBLIC,
    "[2600:1f00::5efe:8.8.8.8]": PUBLIC,
}


def judged(authority: str) -> str:
    """Return what the fetcher makes of a URL with this authority."""
    try:
        url = parse_source_url(f"http://{authority}/a.jpg")
    except FetchRefused as exc:
        return exc.code
    address = literal_address(url.host)
    assert address is not None, f"{url.host} would be looked up as a name"
    return refusal(address) or PUBLIC


@pytest.mark.parametrize(
    ("authority", "expected"),
    [pytest.param(*pair, id=f"{pair[0]!a} is {pair[1]}") for pair in SPELLINGS.items()],
)
def test_every_spelling_of_an_address_is_judged_as_the_address(
    authority: str, expected: str
) -> None:
    assert judged(authority) == expected


@pytest.mark.parametrize("authority", SPELLINGS, ids=ascii)
def test_a_spelling_is_refused_before_any_look_up_unless_it_is_public(authority: str) -> None:
    def read() -> None:
        AllowList().check_spelling(parse_source_url(f"http://{authority}/a.jpg"))

    if SPELLINGS[authority] == PUBLIC:
        read()
        return
    with pytest.raises(FetchRefused) as refused:
        read()
    bad = SPELLINGS[authority] == BAD_URL
    assert refused.value.code == (BAD_URL if bad else "blocked_address")


@pytest.mark.parametrize("count", [len(SPELLINGS)], ids=lambda count: f"{count} spellings")
def test_the_table_is_long_enough(count: int) -> None:
    assert count >= MIN_SPELLINGS
