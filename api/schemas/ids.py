"""Ids in paths and bodies: a malformed one names nothing, so it is not found."""

from uuid import UUID

from infra.contract.errors import ErrorCode, Rejected


def parse_id(text: str, kind: str) -> UUID:
    """Return the id; raise `Rejected` (404) when it is not one."""
    try:
        return UUID(text)
    except ValueError as exc:
        raise not_found(text, kind) from exc


def parse_optional_id(text: str | None, kind: str) -> UUID | None:
    """Return the id, None without one; raise `Rejected` (404) when it is none."""
    return None if text is None else parse_id(text, kind)


def not_found(identity: object, kind: str) -> Rejected:
    """Return the error for an id that names nothing."""
    return Rejected(404, ErrorCode.NOT_FOUND, f"There is no {kind} {str(identity)[:64]!r}.")
