"""A source is asked only for what is newer, and never in the name of another URL."""

from collections.abc import Mapping

import pytest

from infra.contract.errors import ErrorCode, FetchRefused, ProductImagesError
from infra.fetch.fetcher import Fetched
from infra.fetch.validators import Validators
from tests.integration.fetch.fetching import Fetches, Serve
from tests.integration.fetch.hostile_server import Answer, Exchange, answering, redirecting

PICTURE = b"\xff\xd8\xff" + bytes(range(256)) * 30
NEWER = PICTURE + b"newer"
LONG_AGO = "Thu, 01 Jan 2026 00:00:00 GMT"
NOT_MODIFIED = answering("304 Not Modified")


def versioned(
    body: bytes, headers: Mapping[str, str], *, unchanged: Answer = NOT_MODIFIED
) -> Answer:
    """Return a server that answers conditions that name the current version with a 304."""

    def answer(exchange: Exchange) -> None:
        named = exchange.headers.get("if-none-match"), exchange.headers.get("if-modified-since")
        current = headers.get("ETag"), headers.get("Last-Modified")
        same = any(named) and named == current
        (unchanged if same else answering("200 OK", body, headers))(exchange)

    return answer


def refetch(fetch: Fetches, url: str, known: Validators) -> Fetched | None:
    return fetch.fetcher.refetch(url, fetch.target, known=known)


def known_of(fetched: Fetched) -> Validators:
    assert fetched.validators is not None
    return fetched.validators


@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": '"v1"'},
        {"ETag": 'W/"v1"'},
        {"Last-Modified": LONG_AGO},
        {"ETag": '"v1"', "Last-Modified": LONG_AGO},
    ],
)
def test_what_did_not_change_is_not_sent_again(
    serve: Serve, fetch: Fetches, headers: dict[str, str]
) -> None:
    url = serve({"/a.jpg": versioned(PICTURE, headers)}).url("/a.jpg")
    known = known_of(fetch(url))

    assert refetch(fetch, url, known) is None
    assert not fetch.target.exists()


def test_what_changed_arrives_with_its_new_validators(serve: Serve, fetch: Fetches) -> None:
    server = serve({"/a.jpg": versioned(NEWER, {"ETag": '"v2"'})})
    url = server.url("/a.jpg")

    newer = refetch(fetch, url, Validators(url, '"v1"', None))

    assert newer is not None
    assert newer.bytes == len(NEWER)
    assert newer.validators == Validators(url, '"v2"', None)
    assert server.requests[0].headers["if-none-match"] == '"v1"'


def test_a_first_request_has_no_conditions(serve: Serve, fetch: Fetches) -> None:
    server = serve({"/": answering("200 OK", PICTURE)})
    fetch(server.url("/"))
    assert not {"if-none-match", "if-modified-since"} & set(server.requests[0].headers)


def test_validators_are_kept_for_the_url_that_gave_them(serve: Serve, fetch: Fetches) -> None:
    server = serve({"/old": redirecting("/new"), "/new": versioned(PICTURE, {"ETag": '"v1"'})})
    known = known_of(fetch(server.url("/old")))
    assert known.url == server.url("/new")

    assert refetch(fetch, server.url("/old"), known) is None

    old, new = server.requests[2:]
    assert "if-none-match" not in old.headers
    assert new.headers["if-none-match"] == '"v1"'


def test_a_redirect_to_another_place_is_not_asked_with_the_words_of_the_former(
    serve: Serve, fetch: Fetches
) -> None:
    server = serve({"/a": redirecting("/other"), "/other": versioned(NEWER, {"ETag": '"v1"'})})

    newer = refetch(fetch, server.url("/a"), Validators(server.url("/former"), '"v1"', None))

    assert newer is not None
    assert newer.bytes == len(NEWER)


def test_a_304_that_nobody_asked_for_is_an_error(serve: Serve, fetch: Fetches) -> None:
    url = serve({"/a": NOT_MODIFIED}).url("/a")
    known = Validators(url + "?other", '"v1"', None)

    for ask in (lambda: fetch(url), lambda: refetch(fetch, url, known)):
        with pytest.raises(ProductImagesError) as caught:
            ask()
        assert (type(caught.value), caught.value.code) == (FetchRefused, "http_304")


def test_a_304_that_names_another_version_is_not_believed(serve: Serve, fetch: Fetches) -> None:
    confused = answering("304 Not Modified", b"", {"ETag": '"v2"'})
    server = serve({"/a": versioned(PICTURE, {"ETag": '"v1"'}, unchanged=confused)})
    url = server.url("/a")

    whole = refetch(fetch, url, Validators(url, '"v1"', None))

    assert whole is not None
    assert whole.bytes == len(PICTURE)
    assert [request.headers.get("if-none-match") for request in server.requests] == ['"v1"', None]


def test_an_error_of_a_conditional_request_leaves_nothing(serve: Serve, fetch: Fetches) -> None:
    url = serve({"/a": answering("200 OK", b"<html>")}).url("/a")

    with pytest.raises(FetchRefused) as caught:
        refetch(fetch, url, Validators(url, '"v1"', None))

    assert caught.value.code == ErrorCode.NOT_AN_IMAGE
    assert not fetch.target.exists()
