"""The stack's own passwords: generated once, kept in the stack directory, owner-readable only."""

import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from infra.stack.description import replace_private


def _secret() -> str:
    return secrets.token_hex(20)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the local PostgreSQL, RabbitMQ and S3 store ask for."""

    postgres_password: str = field(default_factory=_secret)
    rabbitmq_password: str = field(default_factory=_secret)
    s3_access_key: str = field(default_factory=_secret)
    s3_secret_key: str = field(default_factory=_secret)


def remembered_credentials(path: Path) -> Credentials:
    """Return those of the last start, or new ones, kept at `path`."""
    if path.exists():
        return Credentials(**json.loads(path.read_text()))
    credentials = Credentials()
    replace_private(path, json.dumps(asdict(credentials)))
    return credentials
