"""The message on the wire: what we write we read, and nothing else gets in."""

import json
from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.contract.messages import ChunkMessage, JobMessage, UndecodableMessage, decode_message
from infra.contract.states import Lane

JOB = UUID("01890a5d-ac96-774b-bcce-b302099a8057")

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def _body(**changes: object) -> bytes:
    fields = {"version": 1, "job_id": str(JOB), "lane": "interactive"} | changes
    return json.dumps({name: value for name, value in fields.items() if value != "absent"}).encode()


@settings(deadline=None)
@given(job_id=st.uuids(), lane=st.sampled_from(Lane))
def test_a_message_comes_back_as_it_was(job_id: UUID, lane: Lane) -> None:
    message = JobMessage(job_id, lane)
    assert JobMessage.decode(message.encode()) == message


def test_the_body_is_the_documented_json() -> None:
    fields = {"version": 1, "job_id": str(JOB), "lane": "bulk"}
    assert json.loads(JobMessage(JOB, Lane.BULK).encode()) == fields


@settings(deadline=None)
@given(chunk_id=st.uuids())
def test_a_chunk_message_comes_back_as_it_was_and_travels_on_the_bulk_lane(chunk_id: UUID) -> None:
    message = ChunkMessage(chunk_id)
    assert decode_message(message.encode()) == message
    assert message.lane is Lane.BULK


def test_one_decoder_tells_jobs_from_chunks() -> None:
    assert decode_message(_body()) == JobMessage(JOB)
    body = {"version": 1, "chunk_id": str(JOB), "lane": "bulk"}
    assert decode_message(json.dumps(body).encode()) == ChunkMessage(JOB)
    with pytest.raises(UndecodableMessage):
        JobMessage.decode(json.dumps(body).encode())


def test_a_message_is_interactive_unless_told_otherwise() -> None:
    assert JobMessage(JOB).lane is Lane.INTERACTIVE


def test_a_field_that_a_later_release_adds_is_ignored() -> None:
    assert JobMessage.decode(_body(priority=5)) == JobMessage(JOB)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        b'"text"',
        b"1",
        b"{}",
        b"[" * 100_000,
        _body()[:-1],
        _body(version=2),
        _body(version="1"),
        _body(version="absent"),
        _body(job_id="absent"),
        _body(job_id="42"),
        _body(job_id=42),
        _body(job_id=None),
        _body(job_id=[str(JOB)]),
        _body(lane="absent"),
        _body(lane="express"),
        _body(lane={}),
        _body(lane=None),
    ],
    ids=lambda body: repr(body[:60]),
)
def test_what_is_no_message_of_ours_is_undecodable(body: bytes) -> None:
    with pytest.raises(UndecodableMessage):
        JobMessage.decode(body)


@settings(deadline=None)
@given(st.binary() | JSON_VALUES.map(lambda value: json.dumps(value).encode()))
def test_no_bytes_raise_anything_but_undecodable(body: bytes) -> None:
    with suppress(UndecodableMessage):
        assert isinstance(JobMessage.decode(body), JobMessage)


@settings(deadline=None)
@given(version=JSON_VALUES, job_id=JSON_VALUES | st.just(str(JOB)), lane=JSON_VALUES)
def test_no_field_value_raises_anything_but_undecodable(
    version: object, job_id: object, lane: object
) -> None:
    for changes in ({"version": version}, {"job_id": job_id}, {"lane": lane}):
        with suppress(UndecodableMessage):
            assert isinstance(JobMessage.decode(_body(**changes)), JobMessage)
