"""The message that travels through RabbitMQ: a pointer to a job, never its content.

PostgreSQL is the truth; a message may be lost, doubled or late without harm.
"""

import json
from dataclasses import dataclass
from uuid import UUID

from infra.states import Lane

CONTENT_TYPE = "application/json"
_VERSION = 1


class UndecodableMessage(ValueError):
    """The bytes are not one of our messages; they belong in the dead-letter queue."""


@dataclass(frozen=True, slots=True)
class JobMessage:
    """Says that the job wants to be looked at."""

    job_id: UUID
    lane: Lane = Lane.INTERACTIVE

    def encode(self) -> bytes:
        """Return the UTF-8 JSON body."""
        body = {"version": _VERSION, "job_id": str(self.job_id), "lane": self.lane}
        return json.dumps(body).encode()

    @classmethod
    def decode(cls, body: bytes) -> "JobMessage":
        """Read a body; raise `UndecodableMessage` when it is not ours."""
        try:
            fields = json.loads(body)
            if fields["version"] != _VERSION:
                raise UndecodableMessage(f"version {fields['version']!r} is not {_VERSION}")
            return cls(job_id=UUID(fields["job_id"]), lane=Lane(fields["lane"]))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
            raise UndecodableMessage(f"not a job message: {exc!r}") from exc
