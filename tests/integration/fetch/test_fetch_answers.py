"""What a fetch makes of each answer: the file and its facts, or a code that says what to do."""

import hashlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from infra.contract.errors import FetchFailed, FetchRefused, TransientError
from infra.fetch.fetcher import Fetcher
from tests.integration.fetch.fetching import Fetches, Serve, settings
from tests.integration.fetch.hostile_server import Answer, Exchange, answering, redirecting

PICTURE = b"\xff\xd8\xff" + bytes(range(256)) * 300


def _in_an_hour() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


def _hang_up(exchange: Exchange) -> None:
    exchange.connection.close()


def test_a_picture_arrives_with_its_facts(serve: Serve, fetch: Fetches) -> None:
    headers = {
        "Content-Type": "image/jpeg; charset=binary",
        "ETag": '"v1"',
        "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT",
    }
    server = serve({"/a.jpg": answering("200 OK", PICTURE, headers)})
    fetched = fetch(server.url("/a.jpg?size=1#top"))
    assert fetch.target.read_bytes() == PICTURE
    assert fetched.final_url == server.url("/a.jpg?size=1")
    assert (fetched.status, fetched.bytes) == (200, len(PICTURE))
    assert fetched.sha256 == hashlib.sha256(PICTURE).hexdigest()
    assert fetched.media_type == "image/jpeg"
    assert fetched.etag == '"v1"'
    assert fetched.last_modified == "Thu, 01 Jan 2026 00:00:00 GMT"


def test_the_request_is_modest(serve: Serve, fetch: Fetches) -> None:
    server = serve({"/": answering("200 OK", PICTURE)})
    fetch(server.url("/"))
    headers = server.requests[0].headers
    assert headers["host"] == f"127.0.0.1:{server.port}"
    assert headers["user-agent"].startswith("product-images/")
    assert headers["accept-encoding"] == "identity"
    assert not {"cookie", "authorization", "referer"} & set(headers)


def test_a_chunked_picture_arrives(serve: Serve, fetch: Fetches) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for start in range(0, len(PICTURE), 1000):
            chunk = PICTURE[start : start + 1000]
            exchange.send(b"%x;name=value\r\n%b\r\n" % (len(chunk), chunk))
        exchange.send(b"0\r\nTrailer: x\r\n\r\n")

    fetch(serve({"/": answer}).url("/"))
    assert fetch.target.read_bytes() == PICTURE


def test_a_picture_that_ends_with_the_connection_arrives(serve: Serve, fetch: Fetches) -> None:
    server = serve({"/": lambda exchange: exchange.send(b"HTTP/1.0 200 OK\r\n\r\n", PICTURE)})
    assert fetch(server.url("/")).bytes == len(PICTURE)


def test_interim_answers_are_skipped(serve: Serve, fetch: Fetches) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.send(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        )
        answering("200 OK", PICTURE)(exchange)

    assert fetch(serve({"/": answer}).url("/")).bytes == len(PICTURE)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(serve: Serve, fetch: Fetches, status: int) -> None:
    answers = {
        "/a/old": redirecting("../b/new \xc3\xa4.jpg?x", status=f"{status} Moved"),
        "/b/new%20%C3%A4.jpg": answering("200 OK", PICTURE),
    }
    server = serve(answers)
    assert fetch(server.url("/a/old")).final_url == server.url("/b/new%20%C3%A4.jpg?x")


def test_a_redirect_loop_ends(serve: Serve, fetch: Fetches) -> None:
    server = serve({"/a": redirecting("/b"), "/b": redirecting("/a")})
    error = fetch.failure(server.url("/a"))
    assert (type(error), error.code) == (FetchRefused, "too_many_redirects")
    assert server.paths() == ["/a", "/b", "/a", "/b"]


def test_as_many_redirects_as_allowed_are_followed(serve: Serve, fetch: Fetches) -> None:
    hops = {f"/{hop}": redirecting(f"/{hop + 1}") for hop in range(3)}
    server = serve({**hops, "/3": answering("200 OK", PICTURE)})
    assert fetch(server.url("/0")).final_url == server.url("/3")


@pytest.mark.parametrize(
    "location",
    [
        *("file:///etc/passwd", "ftp://127.0.0.1/", "http://user:pw@127.0.0.1/", "//"),
        *("http:\\\\127.0.0.1\\", "javascript:alert(1)", "http://[::1", "/a\\b"),
    ],
)
def test_a_redirect_to_no_usable_url_is_refused(
    serve: Serve, fetch: Fetches, location: str
) -> None:
    error = fetch.failure(serve({"/": redirecting(location)}).url("/"))
    assert (type(error), error.code) == (FetchRefused, "bad_url")


def test_a_redirect_without_target_is_its_status(serve: Serve, fetch: Fetches) -> None:
    server = serve({"/": answering("302 Found")})
    assert fetch.failure(server.url("/")).code == "http_302"


def test_cookies_are_not_carried_to_the_next_hop(serve: Serve, fetch: Fetches) -> None:
    set_cookie = {"Set-Cookie": "a=b; Path=/", "Location": "/b"}
    server = serve(
        {"/a": answering("302 Found", b"", set_cookie), "/b": answering("200 OK", PICTURE)}
    )
    fetch(server.url("/a"))
    fetch(server.url("/b"))
    assert server.paths() == ["/a", "/b", "/b"]
    assert all("cookie" not in request.headers for request in server.requests)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("204 No Content", FetchRefused),
        ("206 Partial Content", FetchRefused),
        ("304 Not Modified", FetchRefused),
        ("403 Forbidden", FetchRefused),
        ("404 Not Found", FetchRefused),
        ("410 Gone", FetchRefused),
        ("408 Request Timeout", FetchFailed),
        ("425 Too Early", FetchFailed),
        ("429 Too Many Requests", FetchFailed),
        ("500 Internal Server Error", FetchFailed),
        ("503 Service Unavailable", FetchFailed),
    ],
)
def test_a_status_is_the_code_and_says_whether_to_try_again(
    serve: Serve, fetch: Fetches, status: str, kind: type
) -> None:
    error = fetch.failure(serve({"/": answering(status)}).url("/"))
    assert (type(error), error.code) == (kind, f"http_{status[:3]}")


def test_a_server_may_say_when_to_try_again(serve: Serve, fetch: Fetches) -> None:
    later = format_datetime(_in_an_hour(), usegmt=True)
    answers = {
        "/seconds": answering("429 Too Many Requests", b"", {"Retry-After": "17"}),
        "/date": answering("503 Service Unavailable", b"", {"Retry-After": later}),
    }
    server = serve(answers)
    by_seconds, by_date = (fetch.failure(server.url(path)) for path in answers)
    assert isinstance(by_seconds, TransientError)
    assert isinstance(by_date, TransientError)
    assert by_seconds.retry_after_seconds == 17
    assert by_date.retry_after_seconds == pytest.approx(3600, abs=30)


def test_a_flapping_server_works_again(serve: Serve, fetch: Fetches) -> None:
    turns: list[Answer] = [answering("500 Oops"), _hang_up, answering("200 OK", PICTURE)]

    def answer(exchange: Exchange) -> None:
        turns.pop(0)(exchange)

    server = serve({"/": answer})
    codes = [fetch.failure(server.url("/")).code for _ in range(2)]
    assert codes == ["http_500", "protocol_error"]
    assert fetch(server.url("/")).bytes == len(PICTURE)


@pytest.mark.parametrize(
    "body", [b"<!DOCTYPE html><p>Not here", b'{"error": "gone"}', b"", b"\n\n<html>"]
)
def test_a_page_instead_of_a_picture_is_recognised(
    serve: Serve, fetch: Fetches, body: bytes
) -> None:
    server = serve({"/": answering("200 OK", body, {"Content-Type": "image/jpeg"})})
    error = fetch.failure(server.url("/"))
    assert (type(error), error.code) == (FetchRefused, "not_an_image")


def test_a_picture_that_is_called_a_page_is_taken(serve: Serve, fetch: Fetches) -> None:
    server = serve({"/": answering("200 OK", PICTURE, {"Content-Type": "text/html"})})
    assert fetch(server.url("/")).media_type == "text/html"


def test_a_failed_fetch_leaves_the_former_file_nowhere(serve: Serve, fetch: Fetches) -> None:
    fetch.target.write_bytes(b"former")
    fetch.failure(serve({"/": answering("404 Not Found")}).url("/"))


def test_a_closed_port_is_a_failed_connection(serve: Serve, fetch: Fetches) -> None:
    server = serve({})
    fetch.fetcher = Fetcher(settings(allowed_private_hosts=("127.0.0.2",)))
    error = fetch.failure(server.url("/", host="127.0.0.2"))
    assert (type(error), error.code) == (FetchFailed, "connect_failed")
