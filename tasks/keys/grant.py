"""Finds what a presented key may do, and whether any key exists at all."""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from infra.contract.scopes import Scope
from infra.db.engine import Database
from infra.db.models.keys import ApiKey
from tasks.keys.form import Credential, PresentedKey

_USE_RESOLUTION = timedelta(
    minutes=1
)  # how exact `last_used_at` is: a write per request would be too many


@dataclass(frozen=True, slots=True)
class Grant:
    """What a key gives: its id, its scope, and until when."""

    key_id: str
    scope: Scope
    expires_at: datetime | None

    def is_valid(self) -> bool:
        """Whether the key has not expired meanwhile."""
        return self.expires_at is None or datetime.now(UTC) < self.expires_at


def keys_exist(database: Database) -> bool:
    """Whether a key was ever made, and not removed: a revoked or expired one counts too."""
    with database.transaction() as session:
        return session.scalar(select(select(ApiKey.id).exists())) is True


def find_grant(database: Database, presented: Credential) -> Grant | None:
    """Return what the key gives, None when it gives nothing; note that it was used."""
    with database.transaction() as session:
        key = session.get(ApiKey, presented.id)
        if key is None:
            return None
        # The comparison takes the same time wherever the two differ.
        if isinstance(presented, PresentedKey) and not hmac.compare_digest(
            key.hash, presented.hash
        ):
            return None
        if not key.is_active(datetime.now(UTC)):
            return None
        _note_use(session, key.id)
        return Grant(key_id=key.id, scope=key.scope, expires_at=key.expires_at)


def _note_use(session: Session, key_id: str) -> None:
    earlier = func.now() - _USE_RESOLUTION
    statement = update(ApiKey).where(
        ApiKey.id == key_id, or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < earlier)
    )
    session.execute(
        statement.values(last_used_at=func.now()), execution_options={"synchronize_session": False}
    )
