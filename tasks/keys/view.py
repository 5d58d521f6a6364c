"""A key as people see it in lists: everything but its secret, which is not stored."""

from dataclasses import dataclass
from datetime import UTC, datetime

from infra.contract.scopes import Scope
from infra.db.models.keys import ApiKey


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key as it is now; `state` is `active`, `expired` or `revoked`."""

    id: str
    name: str
    scope: Scope
    state: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> "KeyView":
        """Show a row."""
        return cls(
            id=key.id,
            name=key.name,
            scope=key.scope,
            state=_state(key),
            created_at=key.created_at,
            last_used_at=key.last_used_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
        )


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "active" if key.is_active(datetime.now(UTC)) else "expired"
