"""How a source URL is read: once, strictly, into one spelling."""

import pytest

from infra.contract.errors import FetchRefused
from infra.fetch.safety.source_url import parse_source_url

READ = [
    ("http://example.com", "http://example.com/"),
    ("https://example.com/image.jpg", "https://example.com/image.jpg"),
    ("HTTP://EXAMPLE.com/A", "http://example.com/A"),
    ("http://example.com:80/", "http://example.com/"),
    ("https://example.com:443/", "https://example.com/"),
    ("https://example.com:80/", "https://example.com:80/"),
    ("http://example.com:/", "http://example.com/"),
    ("http://example.com:0080/", "http://example.com/"),
    ("http://example.com./x", "http://example.com/x"),
    ("http://example.com?a=b", "http://example.com/?a=b"),
    ("http://example.com/?", "http://example.com/?"),
    ("http://example.com/a#part", "http://example.com/a"),
    ("http://example.com/a?b#c?d", "http://example.com/a?b"),
    ("http://example.com/#@evil.example/", "http://example.com/"),
    ("http://example.com/a b.jpg", "http://example.com/a%20b.jpg"),
    ("http://example.com/a%20b.jpg", "http://example.com/a%20b.jpg"),
    ("http://example.com/100%.jpg", "http://example.com/100%.jpg"),
    ("http://example.com/größe.jpg", "http://example.com/gr%C3%B6%C3%9Fe.jpg"),
    ("http://example.com/?q=ü&x=1+2", "http://example.com/?q=%C3%BC&x=1+2"),
    ("http://example.com/a/../b/./c", "http://example.com/b/c"),
    ("http://example.com/../../x", "http://example.com/x"),
    ("http://example.com/a/b/..", "http://example.com/a/"),
    ("http://example.com/a/.", "http://example.com/a/"),
    ("http://example.com//a", "http://example.com//a"),
    ("http://example.com/a@b:c", "http://example.com/a@b:c"),
    ("http://example.com/?u=http://user@x", "http://example.com/?u=http://user@x"),
    ('http://example.com/"<>', "http://example.com/%22%3C%3E"),
    ("http://münchen.de/", "http://xn--mnchen-3ya.de/"),
    ("http://faß.de/", "http://xn--fa-hia.de/"),
    ("http://under_score.example/", "http://under_score.example/"),
    ("http://a。b/", "http://a.b/"),
    ("http://ⓔxample.com/", "http://example.com/"),
    ("http://1.2.3.example/", "http://1.2.3.example/"),
    ("http://[2001:4860:4860:0:0:0:0:8888]/", "http://[2001:4860:4860::8888]/"),
    ("http://[::1]:8080/", "http://[::1]:8080/"),
    # Spellings of one address
    ("http://127.0.0.1/", "http://127.0.0.1/"),
    ("http://127.1/", "http://127.0.0.1/"),
    ("http://127.0.1/", "http://127.0.0.1/"),
    ("http://2130706433/", "http://127.0.0.1/"),
    ("http://0x7f000001/", "http://127.0.0.1/"),
    ("http://0X7F.1/", "http://127.0.0.1/"),
    ("http://0177.0.0.1/", "http://127.0.0.1/"),
    ("http://017700000001/", "http://127.0.0.1/"),
    ("http://127.0.0.1./", "http://127.0.0.1/"),
    ("http://0/", "http://0.0.0.0/"),
    ("http://10.1.258/", "http://10.1.1.2/"),
    ("http://\uff11\uff12\uff17.\uff10.\uff10.\uff11/", "http://127.0.0.1/"),
    ("http://127。0。0。1/", "http://127.0.0.1/"),
    ("http://①②⑦.0.0.1/", "http://127.0.0.1/"),
    ("http://0\uff587f.1/", "http://127.0.0.1/"),
]

REFUSED = [
    "",
    " ",
    "image.jpg",
    "//example.com/a",
    "/etc/passwd",
    "ftp://example.com/a.jpg",
    "file:///etc/passwd",
    "data:image/png;base64,AAAA",
    "javascript:alert(1)",
    "gopher://example.com/",
    "http:example.com",
    "http:/example.com",
    "http://",
    "http:///example.com/",
    "http://?a",
    "http://#a",
    "http://.",
    "http://..",
    "http://a..b/",
    "http://.example.com/",
    "http://:80/",
    "http://user@example.com/",
    "http://user:secret@example.com/",
    "http://@example.com/",
    "http://example.com@127.0.0.1/",
    "http://example.com\\@127.0.0.1/",
    "http://example.com\\a",
    "http:\\\\example.com\\a",
    "http://example.com/a\\b",
    "http://exa mple.com/",
    "http://example.com /",
    " http://example.com/",
    "http://example.com/ ",
    "http://example.com/a\nb",
    "http://example.com/a\tb",
    "http://exa\tmple.com/",
    "http://example.com/\r\nHost: evil",
    "http://example.com/\x00",
    "http://example.com/\x7f",
    "http://example.com/\u2028",
    "http://example.com/\ud800",
    "http://example.com:port/",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:-1/",
    "http://example.com:8 0/",
    "http://example.com:٨٠/",
    "http://example.com:80:80/",
    "http://example%2ecom/",
    "http://%31%32%37.0.0.1/",
    "http://exam<ple.com/",
    "http://exam,ple.com/",
    "http://*.example.com/",
    "http://" + "a" * 64 + ".example/",
    "http://" + "a." * 130 + "example/",
    "http://i❤.example/",
    "http://[::1/",
    "http://::1/",
    "http://[::1]x/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[::g]/",
    "http://[127.0.0.1]/",
    "http://[v1.a]/",
    "http://256.0.0.1/",
    "http://1.2.3.4.5/",
    "http://4294967296/",
    "http://0x100000000/",
    "http://08.0.0.1/",
    "http://1_0.0.0.1/",
    "http://-1.0.0.1/",
    "http://0o17.0.0.1/",
    "http://example.1/",
    "http://1..1/",
    "http\u017f://example.com/",
]


@pytest.mark.parametrize(("text", "normalised"), READ)
def test_a_usable_url_has_one_spelling(text: str, normalised: str) -> None:
    assert parse_source_url(text).text == normalised


@pytest.mark.parametrize("normalised", sorted({normalised for _, normalised in READ}))
def test_a_normalised_url_reads_as_itself(normalised: str) -> None:
    assert parse_source_url(normalised).text == normalised
    assert normalised.isascii()


@pytest.mark.parametrize("text", REFUSED)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(FetchRefused) as caught:
        parse_source_url(text)
    assert caught.value.code == "bad_url"


def test_the_parts_are_those_that_a_connection_needs() -> None:
    url = parse_source_url("https://[::1]:8443/a/b?c=d")
    assert (url.scheme, url.host, url.port) == ("https", "::1", 8443)
    assert (url.authority, url.target) == ("[::1]:8443", "/a/b?c=d")


def test_a_long_url_is_refused_as_given_and_as_normalised() -> None:
    start = "http://example.com/"
    assert parse_source_url(start + "a" * 81, max_characters=100).text.endswith("a")
    for text in (start + "a" * 82, start + "ä" * 14):
        with pytest.raises(FetchRefused, match="longer than 100"):
            parse_source_url(text, max_characters=100)


JOINED = [
    ("https://other.example/x", "https://other.example/x"),
    ("//other.example/x", "http://other.example/x"),
    ("/x", "http://example.com/x"),
    ("x", "http://example.com/a/x"),
    ("../x", "http://example.com/x"),
    ("./x y", "http://example.com/a/x%20y"),
    ("?y=2", "http://example.com/a/b?y=2"),
    ("#part", "http://example.com/a/b?x=1"),
    ("", "http://example.com/a/b?x=1"),
    ("x:y/z@w", None),  # a colon in the first segment makes it a scheme
    ("file:///etc/passwd", None),
    ("http:x", None),
    ("//user@other.example/", None),
    ("/\\other.example/", None),
    ("\\\\other.example/", None),
    ("@other.example/", "http://example.com/a/@other.example/"),
    (".other.example/", "http://example.com/a/.other.example/"),
]


@pytest.mark.parametrize(("reference", "expected"), JOINED)
def test_a_redirect_is_read_relative_to_where_it_stands(
    reference: str, expected: str | None
) -> None:
    url = parse_source_url("http://example.com/a/b?x=1#y")
    if expected is None:
        with pytest.raises(FetchRefused):
            url.join(reference)
    else:
        assert url.join(reference).text == expected
