"""What curl and browsers take from odd servers is taken here as well, within the same limits."""

import gzip
import zlib

import pytest

from infra.contract.errors import FetchRefused
from tests.integration.fetch.fetching import Fetches, Serve
from tests.integration.fetch.hostile_server import Exchange

PICTURE = b"\xff\xd8\xff" + bytes(range(256)) * 100
OK = "HTTP/1.1 200 OK"
LENGTH = f"Content-Length: {len(PICTURE)}"
CHUNKED = b"%X\r\n%b\r\n0\r\n\r\n" % (len(PICTURE), PICTURE)


def head(*lines: str) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def coded(coding: str, body: bytes) -> bytes:
    return head(OK, f"Content-Encoding: {coding}", f"Content-Length: {len(body)}") + body


HEADS = {
    "a blank before a colon": head(OK, "X-Expose : a", "Transfer-Encoding: chunked") + CHUNKED,
    "a blank before the framing's colon": head(OK, "Transfer-Encoding : chunked") + CHUNKED,
    "blanks behind the framing": head(OK, "Transfer-Encoding: chunked \t") + CHUNKED,
    "blanks behind a length": head(OK, LENGTH + "  ") + PICTURE,
    "a line without a colon": head(OK, "no header", "Transfer-Encoding: chunked") + CHUNKED,
    "a line without a name": head(OK, ": empty", "Transfer-Encoding: chunked") + CHUNKED,
    "a name with a bracket": head(OK, "X(y): z", "Transfer-Encoding: chunked") + CHUNKED,
    "a name beyond ASCII": head(OK, "Xé: z", "Transfer-Encoding: chunked") + CHUNKED,
    "a value on two lines": head(OK, "X: a", "  b", "Transfer-Encoding: chunked") + CHUNKED,
    "a first line that goes on": head(OK, "  b", "Transfer-Encoding: chunked") + CHUNKED,
    "an identity before the chunks": head(OK, "Transfer-Encoding: identity, chunked") + CHUNKED,
    "130 headers": head(OK, *(f"X-Tag-{n}: {n}" for n in range(130)), LENGTH) + PICTURE,
    "130 headers of an early answer": head(
        "HTTP/1.1 103 Early Hints", *(f"X-Tag-{n}: {n}" for n in range(130))
    )
    + head(OK, "Transfer-Encoding: chunked")
    + CHUNKED,
    "a 100 before the answer": head("HTTP/1.1 100 Continue") + head(OK, LENGTH) + PICTURE,
    "ends of lines without a CR": head(OK, LENGTH).replace(b"\r\n", b"\n") + PICTURE,
    "203": head("HTTP/1.1 203 Non-Authoritative Information", LENGTH) + PICTURE,
    "aws-chunked": coded("aws-chunked", PICTURE),
    "none": coded("none", PICTURE),
    "an empty coding": coded("", PICTURE),
    "a character set": coded("utf-8", PICTURE),
    "identity in capitals": coded("IDENTITY", PICTURE),
    "br of plain bytes": coded("br", PICTURE),
    "gzip of plain bytes": coded("gzip", PICTURE),
    "raw deflate": coded("deflate", raw_deflate(PICTURE)),
    "deflate": coded("deflate", zlib.compress(PICTURE)),
    "deflate that is gzip": coded("deflate", gzip.compress(PICTURE)),
    "gzip in capitals with blanks": coded(" GZIP ", gzip.compress(PICTURE)),
    "aws-chunked, gzip": coded("aws-chunked, gzip", gzip.compress(PICTURE)),
    "gzip, deflate": coded("gzip, deflate", zlib.compress(gzip.compress(PICTURE))),
    "gzip of two members": coded("gzip", gzip.compress(PICTURE[:9]) + gzip.compress(PICTURE[9:])),
    "gzip with more behind it": coded("gzip", gzip.compress(PICTURE) + b"more"),
}


@pytest.mark.parametrize("answer", HEADS.values(), ids=HEADS.keys())
def test_the_picture_arrives(serve: Serve, fetch: Fetches, answer: bytes) -> None:
    server = serve({"/": lambda exchange: exchange.send(answer)})
    fetch(server.url("/"))
    assert fetch.target.read_bytes() == PICTURE


@pytest.mark.parametrize("location", ["/ok ", " /ok", "/ok\t", " /ok \t "])
def test_blanks_around_a_location_are_no_part_of_it(
    serve: Serve, fetch: Fetches, location: str
) -> None:
    def redirect(exchange: Exchange) -> None:
        exchange.send(head("HTTP/1.1 302 Found", f"Location: {location}", "Content-Length: 0"))

    server = serve({"/": redirect, "/ok": lambda ex: ex.send(head(OK, LENGTH) + PICTURE)})
    fetch(server.url("/"))
    assert fetch.target.read_bytes() == PICTURE


REFUSED = {
    "nothing": (head(OK, "Content-Length: 0"), "not_an_image", "0 bytes"),
    "an empty gzip": (coded("gzip", gzip.compress(b"")), "not_an_image", "0 bytes"),
    "a page": (head(OK, "Content-Length: 6") + b"<html>", "not_an_image", "a page"),
    "a coding that is not decoded": (coded("br", b"\x8b\x02\x80x"), "protocol_error", "asked"),
    "codings over codings": (
        coded("gzip, gzip, gzip, gzip", gzip.compress(PICTURE)),
        "protocol_error",
        "asked",
    ),
    "headers without end": (
        head(OK, *(f"X-Tag-{n}: {n}" for n in range(10_000))),
        "protocol_error",
        "too large",
    ),
    "a bomb in raw deflate": (coded("deflate", raw_deflate(bytes(2**26))), "too_many_bytes", ""),
    "a bomb in a bomb": (
        coded("gzip, gzip", gzip.compress(gzip.compress(bytes(2**26)))),
        "too_many_bytes",
        "",
    ),
    "a bomb of members": (coded("gzip", gzip.compress(bytes(2**20)) * 64), "too_many_bytes", ""),
}


@pytest.mark.parametrize(("answer", "code", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_the_limits_hold(
    serve: Serve, fetch: Fetches, answer: bytes, code: str, words: str
) -> None:
    server = serve({"/": lambda exchange: exchange.send(answer)})
    with pytest.raises(FetchRefused) as refusal:
        fetch(server.url("/"))
    assert refusal.value.code == code
    assert words in refusal.value.detail
