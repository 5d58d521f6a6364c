"""The table of API keys. It holds hashes only: no key can be read from it."""

from datetime import datetime

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from infra.contract.scopes import Scope
from infra.db.table import Created, Moment, Sha256, Table, word

KEY_ID_CHARACTERS = 12
MAX_NAME_CHARACTERS = 100


class ApiKey(Table):
    """A key, by the hash of its text.

    Any row, also of a revoked or expired key, means that the API asks for a key: it never opens by
    itself. `last_used_at` is exact to the minute. `created_by` and `revoked_by` are the ids of the
    keys with which that was done over HTTP; they stay when those keys are gone.
    """

    __tablename__ = "api_keys"
    __table_args__ = (CheckConstraint("hash ~ '^[0-9a-f]{64}$'", name="hash_is_hex"),)

    id: Mapped[str] = mapped_column(String(KEY_ID_CHARACTERS), primary_key=True)
    hash: Mapped[Sha256]
    name: Mapped[str] = mapped_column(String(MAX_NAME_CHARACTERS))
    scope: Mapped[Scope] = mapped_column(word(Scope, "scope"))
    created_at: Mapped[Created]
    created_by: Mapped[str | None] = mapped_column(String(KEY_ID_CHARACTERS))
    last_used_at: Mapped[Moment | None]
    expires_at: Mapped[Moment | None]
    revoked_at: Mapped[Moment | None]
    revoked_by: Mapped[str | None] = mapped_column(String(KEY_ID_CHARACTERS))

    def is_active(self, now: datetime) -> bool:
        """Whether the key opens anything at that time."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)
