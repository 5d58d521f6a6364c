"""A key as people see it in lists: everything but its secret, which is not stored."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from infra.contract.scopes import Scope
from infra.db.models.keys import ApiKey


class KeyState(StrEnum):
    """Whether a key opens anything."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key as it is now; the keys that made and revoked it are None for the command line."""

    id: str
    name: str
    scope: Scope
    state: KeyState
    created_at: datetime
    created_by: str | None
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None

    @classmethod
    def of(cls, key: ApiKey) -> "KeyView":
        """Show a row."""
        return cls(
            id=key.id,
            name=key.name,
            scope=key.scope,
            state=_state(key),
            created_at=key.created_at,
            created_by=key.created_by,
            last_used_at=key.last_used_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            revoked_by=key.revoked_by,
        )


def _state(key: ApiKey) -> KeyState:
    if key.revoked_at is not None:
        return KeyState.REVOKED
    return KeyState.ACTIVE if key.is_active(datetime.now(UTC)) else KeyState.EXPIRED
