"""Makes, revokes and removes API keys."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import case, delete, func, select, update
from sqlalchemy.orm import Session

from infra.contract.errors import ErrorCode, Rejected
from infra.contract.scopes import Scope
from infra.db.engine import Database
from infra.db.models.keys import MAX_NAME_CHARACTERS, ApiKey
from infra.db.storable import require_line
from tasks.keys.form import new_key, parse_key
from tasks.keys.view import KeyView

log = structlog.get_logger(__name__)


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
    expires_at = None if valid_for is None else datetime.now(UTC) + valid_for
    with database.transaction() as session:
        return _write_key(session, ApiKey(name=name, scope=scope, expires_at=expires_at))


def issue_key(
    database: Database, maker_id: str, *, name: str, scope: Scope, expires_at: datetime | None
) -> IssuedKey:
    """Do the same for the holder of a key, who gives no more than that key has.

    The maker is looked at in the same transaction: what was remembered of it may be over. Raises
    `Rejected`: 403 for one that is no active admin, or ends before the new key would, 422 for a
    name that cannot be one or an end in the past.
    """
    _require_name(name)
    with database.transaction() as session:
        maker = session.get(ApiKey, maker_id, with_for_update={"read": True})
        now = datetime.now(UTC)
        if maker is None or not maker.is_active(now) or not maker.scope.allows(Scope.ADMIN):
            detail = f"This needs an active key with the scope {Scope.ADMIN}."
            raise Rejected(403, ErrorCode.FORBIDDEN, detail)
        if expires_at is not None and expires_at <= now:
            detail = "expires_at: must lie in the future."
            raise Rejected(422, ErrorCode.INVALID_REQUEST, detail)
        end = maker.expires_at if expires_at is None else expires_at
        if maker.expires_at is not None and end is not None and end > maker.expires_at:
            detail = f"A key ends no later than the key that makes it: {maker.expires_at:%FT%TZ}."
            raise Rejected(403, ErrorCode.FORBIDDEN, detail)
        key = ApiKey(name=name, scope=scope, expires_at=end, created_by=maker.id)
        issued = _write_key(session, key)
    log.info("API key created", key_id=issued.view.id, scope=scope, by=maker_id)
    return issued


def _write_key(session: Session, key: ApiKey) -> IssuedKey:
    text = new_key()
    presented = parse_key(text)
    if presented is None:
        raise AssertionError("a new key is not in the form of keys")
    key.id, key.hash = presented.id, presented.hash
    session.add(key)
    session.flush()
    session.refresh(key)
    return IssuedKey(text, KeyView.of(key))


def list_keys(database: Database) -> list[KeyView]:
    """Return all keys, the oldest first."""
    with database.transaction() as session:
        rows = session.scalars(select(ApiKey).order_by(ApiKey.created_at, ApiKey.id))
        return [KeyView.of(row) for row in rows]


def revoke_key(database: Database, key_id: str, *, by: str | None = None) -> KeyView:
    """End a key; one that was revoked already keeps its time. Raises `Rejected` (404).

    `by` is the key of the caller over HTTP.
    """
    first = ApiKey.revoked_at.is_(None)
    statement = (
        update(ApiKey)
        .where(ApiKey.id == key_id)
        .values(
            revoked_at=func.coalesce(ApiKey.revoked_at, func.now()),
            revoked_by=case((first, by), else_=ApiKey.revoked_by),
        )
        .returning(ApiKey)
    )
    with database.transaction() as session:
        row = session.scalars(statement).one_or_none()
        if row is None:
            raise _absent(key_id)
        view = KeyView.of(row)
    if by is not None:
        log.info("API key revoked", key_id=view.id, by=by)
    return view


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
