"""What callers send and get about API keys."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from infra.contract.scopes import Scope
from infra.db.models.keys import MAX_NAME_CHARACTERS
from infra.db.storable import Moment
from tasks.keys.change import IssuedKey
from tasks.keys.view import KeyState, KeyView


class NewKey(BaseModel):
    """The body of `POST /keys`."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "shop", "scope": "read"}]}
    )

    name: str = Field(
        min_length=1, max_length=MAX_NAME_CHARACTERS, description="the program or person it is for"
    )
    scope: Scope = Field(Scope.READ, description="what it permits")
    expires_at: Moment | None = Field(
        None, description="the end of your own key when absent; never later than that"
    )


class Key(BaseModel):
    """An API key, without its secret; the ids of the keys that made and revoked it."""

    id: str
    name: str
    scope: Scope
    state: KeyState
    created_at: datetime
    created_by: str | None = Field(description="null: made on the command line")
    last_used_at: datetime | None = Field(description="exact to the minute")
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None

    @classmethod
    def of(cls, view: KeyView) -> "Key":
        """Show a key."""
        return cls.model_validate(view, from_attributes=True)


class CreatedKey(Key):
    """A new key; its text is shown this once and stored nowhere."""

    key: str

    @classmethod
    def new(cls, issued: IssuedKey) -> "CreatedKey":
        """Show a new key with its text."""
        return cls(**dict(Key.of(issued.view)), key=issued.text)


class KeyList(BaseModel):
    """All keys, the oldest first."""

    keys: list[Key]
