"""The messages that travel through RabbitMQ: pointers to a job or a chunk, never their content.

PostgreSQL is the truth; a message may be lost, doubled or late without harm.
"""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from infra.contract.states import Lane
from infra.request_id import usable

CONTENT_TYPE = "application/json"
_VERSION = 1


class UndecodableMessage(ValueError):
    """The bytes are not one of our messages; they belong in the dead-letter queue."""


@dataclass(frozen=True, slots=True)
class JobMessage:
    """Says that the job wants to be looked at.

    `request_id` names the request that asked for it: for people who look at a message.
    """

    job_id: UUID
    lane: Lane = Lane.INTERACTIVE
    request_id: str | None = None

    def encode(self) -> bytes:
        """Return the UTF-8 JSON body."""
        named = {} if self.request_id is None else {"request_id": self.request_id}
        return _encoded({"job_id": str(self.job_id), "lane": self.lane, **named})

    @classmethod
    def decode(cls, body: bytes) -> "JobMessage":
        """Read a body; raise `UndecodableMessage` when it is no job message of ours."""
        message = decode_message(body)
        if not isinstance(message, cls):
            raise UndecodableMessage("not a job message: it is about a chunk")
        return message


@dataclass(frozen=True, slots=True)
class ChunkMessage:
    """Says that the chunk wants to be looked at. Chunks travel on the bulk lane."""

    chunk_id: UUID

    @property
    def lane(self) -> Lane:
        """The lane that it is published on."""
        return Lane.BULK

    def encode(self) -> bytes:
        """Return the UTF-8 JSON body."""
        return _encoded({"chunk_id": str(self.chunk_id), "lane": self.lane})


Message = JobMessage | ChunkMessage


def decode_message(body: bytes) -> Message:
    """Read a body; raise `UndecodableMessage` when it is not ours."""
    try:
        fields = json.loads(body)
        if fields["version"] != _VERSION:
            raise UndecodableMessage(f"version {fields['version']!r} is not {_VERSION}")
        lane = Lane(fields["lane"])
        if "chunk_id" in fields and "job_id" not in fields:
            return ChunkMessage(chunk_id=UUID(fields["chunk_id"]))
        named = usable(fields.get("request_id"))
        return JobMessage(job_id=UUID(fields["job_id"]), lane=lane, request_id=named)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise UndecodableMessage(f"not a message of ours: {exc!r}") from exc


def _encoded(fields: dict[str, Any]) -> bytes:
    return json.dumps({"version": _VERSION, **fields}).encode()
