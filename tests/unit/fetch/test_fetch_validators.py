"""Which words of a server can be relied on to ask for changes."""

from datetime import UTC, datetime

import pytest

from infra.fetch.validators import Validators, validators_of

URL = "https://supplier.example/a.jpg"
NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
NOON = "Thu, 01 Jan 2026 12:00:00 GMT"
HOUR_BEFORE = "Thu, 01 Jan 2026 11:00:00 GMT"
SECONDS_BEFORE = "Thu, 01 Jan 2026 11:59:30 GMT"


@pytest.mark.parametrize("etag", ['"v1"', 'W/"v1"', '""', '"a\'b,c"'])
def test_an_entity_tag_is_taken_as_it_is(etag: str) -> None:
    assert validators_of(URL, {"ETag": etag}) == Validators(URL, etag, None)


@pytest.mark.parametrize("etag", ["*", "v1", '"a", "b"', 'w/"v1"', '"a"b"', '"a b"', "", '"'])
def test_what_is_no_entity_tag_is_not_sent_back(etag: str) -> None:
    assert validators_of(URL, {"ETag": etag}) is None


@pytest.mark.parametrize(
    ("headers", "relied_on"),
    [
        ({"Last-Modified": HOUR_BEFORE}, True),
        ({"Last-Modified": HOUR_BEFORE, "Date": NOON}, True),
        ({"Last-Modified": NOON}, False),
        ({"Last-Modified": SECONDS_BEFORE}, False),
        ({"Last-Modified": SECONDS_BEFORE, "Date": "Fri, 02 Jan 2026 12:00:00 GMT"}, True),
        ({"Last-Modified": HOUR_BEFORE, "Date": HOUR_BEFORE}, False),
        ({"Last-Modified": "yesterday"}, False),
        ({}, False),
    ],
)
def test_a_date_is_relied_on_when_the_picture_is_not_just_being_changed(
    headers: dict[str, str], *, relied_on: bool
) -> None:
    validators = validators_of(URL, headers, now=NOW)
    assert (validators is not None) is relied_on


def test_only_the_url_that_gave_them_is_asked_with_them() -> None:
    validators = Validators(URL, '"v1"', NOON)
    assert validators.conditions(URL) == {"If-None-Match": '"v1"', "If-Modified-Since": NOON}
    assert validators.conditions(URL + "?size=2") == {}


@pytest.mark.parametrize(
    ("named", "agrees"),
    [('"v1"', True), ('W/"v1"', True), ('"v2"', False), (None, True)],
)
def test_a_304_agrees_unless_it_names_another_version(named: str | None, *, agrees: bool) -> None:
    headers = {} if named is None else {"ETag": named}
    assert Validators(URL, '"v1"', None).agrees(headers) is agrees
