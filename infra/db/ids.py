"""UUIDv7 (RFC 9562): ids that sort by creation time, so that they also page lists."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Return a fresh UUIDv7."""
    return uuid7()
