"""A body is read within its limits, whatever its headers promise."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import Request

from api.bodies.submission import read_body, read_json
from infra.contract.errors import ErrorCode, Rejected
from infra.settings.sections import ApiSettings

SETTINGS = ApiSettings.load(env_file=None).model_copy(update={"max_json_bytes": 100})
BOUNDARY = "multipart/form-data; boundary=x"


class Sender:
    """Sends a body in pieces and counts how many were asked for."""

    def __init__(self, *pieces: bytes, headers: dict[str, str] | None = None) -> None:
        self.pieces: Iterator[bytes] = iter(pieces)
        self.left = len(pieces)
        raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        scope = {"type": "http", "method": "POST", "path": "/", "headers": raw}
        self.request = Request(scope, self.receive)

    async def receive(self) -> dict[str, Any]:
        self.left -= 1
        return {"type": "http.request", "body": next(self.pieces), "more_body": self.left > 0}


def read(sender: Sender) -> dict[str, Any]:
    return asyncio.run(read_json(sender.request, SETTINGS)).fields


def refusal(sender: Sender) -> Rejected:
    with pytest.raises(Rejected) as refused:
        read(sender)
    return refused.value


def test_a_body_in_pieces_is_put_together() -> None:
    assert read(Sender(b'{"a"', b": ", b"1}")) == {"a": 1}


def test_a_byte_order_mark_is_no_part_of_the_json() -> None:
    assert read(Sender(b'\xef\xbb\xbf{"a": 1}')) == {"a": 1}


def test_a_declared_length_is_refused_before_anything_is_read() -> None:
    sender = Sender(b"{}", headers={"content-length": "101"})

    error = refusal(sender)

    assert (error.status, error.code) == (413, ErrorCode.BODY_TOO_LARGE)
    assert sender.left == 1


def test_an_undeclared_length_is_refused_as_soon_as_it_is_too_large() -> None:
    sender = Sender(b" " * 60, b" " * 41, *[b" " * 60] * 10)

    assert refusal(sender).status == 413
    assert sender.left == 10


def test_a_length_that_lies_does_not_help() -> None:
    assert refusal(Sender(b" " * 101, headers={"content-length": "5"})).status == 413


def test_a_body_at_the_limit_is_read() -> None:
    assert read(Sender(b"{}".ljust(100))) == {}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "Expecting value"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": Infinity}', "Infinity"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),
        (b"{\n'a': 1}", "line 2"),
    ],
)
def test_broken_json_says_what_is_wrong(body: bytes, reason: str) -> None:
    error = refusal(Sender(body))

    assert (error.status, error.code) == (400, ErrorCode.MALFORMED_JSON)
    assert reason in error.detail


def test_json_that_nests_too_deeply_is_broken() -> None:
    generous = SETTINGS.model_copy(update={"max_json_bytes": 1_000_000})
    with pytest.raises(Rejected) as refused:
        asyncio.run(read_json(Sender(b"[" * 100_000).request, generous))

    assert "nested too deeply" in refused.value.detail


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"a"'])
def test_only_an_object_has_members(body: bytes) -> None:
    error = refusal(Sender(body))

    assert (error.status, error.code) == (422, ErrorCode.INVALID_REQUEST)


def test_files_are_there_while_the_body_is_open_and_gone_afterwards() -> None:
    part = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="../../a.jpg"\r\n\r\n'
        b"picture\r\n--x--\r\n"
    )

    async def scenario() -> None:
        sender = Sender(part, headers={"content-type": BOUNDARY})
        async with read_body(sender.request, SETTINGS) as body:
            (path,) = body.files
            assert path.read_bytes() == b"picture"
            assert path.name == "0"  # never a name that the caller chose
        assert not path.parent.exists()

    asyncio.run(scenario())
