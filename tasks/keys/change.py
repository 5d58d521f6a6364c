"""Makes, revokes and removes API keys."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, select, update

from infra.contract.errors import ErrorCode, Rejected
from infra.contract.scopes import Scope
from infra.db.engine import Database
from infra.db.models.keys import MAX_NAME_CHARACTERS, ApiKey
from infra.db.storable import require_line
from tasks.keys.form import new_key, parse_key
from tasks.keys.view import KeyView


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key. `text` is shown once and stored nowhere."""

    text: str
    view: KeyView

    def __repr__(self) -> str:
        return f"IssuedKey({self.view.id})"  # the text must not end in a log


def create_key(
    database: Database, *, name: str, scope: Scope, valid_for: timedelta | None = None
) -> IssuedKey:
    """Store a new key's hash; raise `Rejected` when the name cannot be one."""
    _require_name(name)
    text = new_key()
    presented = parse_key(text)
    if presented is None:
        raise AssertionError("a new key is not in the form of keys")
    expires_at = None if valid_for is None else datetime.now(UTC) + valid_for
    key = ApiKey(
        id=presented.id, hash=presented.hash, name=name, scope=scope, expires_at=expires_at
    )
    with database.transaction() as session:
        session.add(key)
        session.flush()
        session.refresh(key)
        return IssuedKey(text, KeyView.of(key))


def list_keys(database: Database) -> list[KeyView]:
    """Return all keys, the oldest first."""
    with database.transaction() as session:
        rows = session.scalars(select(ApiKey).order_by(ApiKey.created_at, ApiKey.id))
        return [KeyView.of(row) for row in rows]


def revoke_key(database: Database, key_id: str) -> KeyView:
    """End a key; one that was revoked already keeps its time. Raises `Rejected` (404)."""
    statement = (
        update(ApiKey)
        .where(ApiKey.id == key_id)
        .values(revoked_at=func.coalesce(ApiKey.revoked_at, func.now()))
        .returning(ApiKey)
    )
    with database.transaction() as session:
        row = session.scalars(statement).one_or_none()
        if row is None:
            raise _absent(key_id)
        return KeyView.of(row)


def forget_key(database: Database, key_id: str) -> None:
    """Remove a revoked key's row. Raises `Rejected`: 404, or 409 while it is not revoked."""
    unwanted = delete(ApiKey).where(ApiKey.id == key_id, ApiKey.revoked_at.is_not(None))
    with database.transaction() as session:
        if session.scalars(unwanted.returning(ApiKey.id)).one_or_none() is not None:
            return
        if session.get(ApiKey, key_id) is None:
            raise _absent(key_id)
    raise Rejected(409, ErrorCode.KEY_NOT_REVOKED, f"Key {key_id} is not revoked: do that first.")


def _require_name(name: str) -> None:
    try:
        require_line(name)
    except ValueError as exc:
        raise Rejected(422, ErrorCode.INVALID_REQUEST, f"The name {exc}.") from exc
    if not name.strip() or not name.isprintable() or len(name) > MAX_NAME_CHARACTERS:
        raise Rejected(
            422,
            ErrorCode.INVALID_REQUEST,
            f"A key's name has 1 to {MAX_NAME_CHARACTERS} visible characters.",
        )


def _absent(key_id: str) -> Rejected:
    return Rejected(404, ErrorCode.NOT_FOUND, f"There is no key {key_id[:64]!r}.")
