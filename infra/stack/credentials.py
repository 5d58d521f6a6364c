"""The stack's own passwords: generated once, kept in the stack directory, owner-readable only.

A file of an earlier version may lack some; they are generated and added.
"""

import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from infra.stack.private_files import replace_private


def _secret() -> str:
    return secrets.token_hex(20)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the local PostgreSQL, RabbitMQ, Valkey, Prefect and S3 store ask for."""

    postgres_password: str = field(default_factory=_secret)
    rabbitmq_password: str = field(default_factory=_secret)
    redis_password: str = field(default_factory=_secret)
    prefect_auth_string: str = field(default_factory=lambda: f"admin:{_secret()}")
    s3_access_key: str = field(default_factory=_secret)
    s3_secret_key: str = field(default_factory=_secret)


def remembered_credentials(path: Path) -> Credentials:
    """Return those of the last start, or new ones, kept at `path`."""
    known = json.loads(path.read_text()) if path.exists() else {}
    credentials = Credentials(**known)
    if asdict(credentials) != known:
        replace_private(path, json.dumps(asdict(credentials)))
    return credentials
