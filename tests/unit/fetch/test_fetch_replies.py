"""What the head of an answer and the first bytes of a body say."""

from datetime import UTC, datetime

import pytest

from infra.contract.errors import FetchFailed, FetchRefused
from infra.fetch.body import is_document
from infra.fetch.errors import retry_after_seconds, status_error
from infra.fetch.response_headers import declared_bytes, fact, media_type

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("999999", 86_400.0),
        ("9" * 5000, 86_400.0),
        ("Thu, 01 Jan 2026 12:01:30 GMT", 90.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 86_400.0),
        ("Thu, 01 Jan 2026 12:01:30 -0000", 90.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("Thu, 99 Jan 2026 12:01:30 GMT", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, now=NOW) == seconds


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 520])
def test_a_passing_status_may_be_tried_again(status: int) -> None:
    error = status_error(status, {"Retry-After": "3"})
    assert isinstance(error, FetchFailed)
    assert (error.code, error.retry_after_seconds) == (f"http_{status}", 3.0)


@pytest.mark.parametrize("status", [204, 206, 304, 400, 401, 403, 404, 410, 451, 999])
def test_a_lasting_status_is_final(status: int) -> None:
    error = status_error(status, {})
    assert isinstance(error, FetchRefused)
    assert error.code == f"http_{status}"


@pytest.mark.parametrize(
    "head",
    [
        *(b"", b"  \n", b"<!DOCTYPE html><html>", b"\n <HTML lang='de'>", b"<head>", b"<!-- x -->"),
        *(
            b'{"error": 1}',
            b"[1]",
            b"\xef\xbb\xbf<html>",
            b"<?xml version='1.0'?><Error>",
            b"%PDF-1",
        ),
    ],
)
def test_an_obvious_document_is_recognised(head: bytes) -> None:
    assert is_document(head)


@pytest.mark.parametrize(
    "head",
    [
        *(b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF....WEBP", b"BM<html>"),
        *(b"....ftypavif", b"II*\x00", b"\x00\x00\x01\x00", b"anything else", b"<svg>"),
        b"<?xml version='1.0'?><svg>",
    ],
)
def test_in_doubt_it_may_be_a_picture(head: bytes) -> None:
    assert not is_document(head)


def test_facts_are_short_and_printable_or_absent() -> None:
    headers = {"ETag": ' "abc" ', "Bad": "a\x00b", "Long": "x" * 257, "Latin": "ä", "Empty": ""}
    assert fact(headers, "ETag") == '"abc"'
    assert [fact(headers, name) for name in ("Bad", "Long", "Latin", "Empty", "No")] == [None] * 5


def test_the_media_type_has_no_parameters() -> None:
    assert media_type({"Content-Type": "Image/JPEG; q=1"}) == "image/jpeg"
    assert media_type({"Content-Type": ";"}) is None
    assert media_type({}) is None


def test_a_nonsense_length_declares_nothing() -> None:
    assert declared_bytes({"Content-Length": "12"}) == 12
    assert [declared_bytes({"Content-Length": text}) for text in ("", "-1", "1e9", "²")] == [0] * 4
