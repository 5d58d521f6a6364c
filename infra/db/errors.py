"""Turns what went wrong with PostgreSQL into our own errors: vendor exceptions end here.

An outage and a conflict with another change are not bugs and are told apart. Whatever
else PostgreSQL objects to is a bug of ours and keeps its exception.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from infra.contract.errors import Conflict, ErrorCode, ServiceUnavailable


@dataclass(frozen=True, slots=True)
class _Trouble:
    """What callers are told. Only what is certain is said about what was written."""

    detail: str
    code: ErrorCode = ErrorCode.DATABASE_UNAVAILABLE
    kind: type[ServiceUnavailable] = ServiceUnavailable
    retry_after_seconds: int = 5
    inconclusive: bool = False


_ABSENT = _Trouble("PostgreSQL does not answer; nothing was written.")
_SILENT = replace(_ABSENT, inconclusive=True)
_CLOSED_DOOR = _Trouble("PostgreSQL takes no connection; its log says why. Nothing was written.")
_ALL_IN_USE = _Trouble(
    "All connections to PostgreSQL are in use; nothing was written.", inconclusive=True
)
_LOST = _Trouble("The connection to PostgreSQL was lost.", inconclusive=True)
_SHUTTING_DOWN = _Trouble("PostgreSQL is shutting down or starting.")
_EXHAUSTED = _Trouble("PostgreSQL has no disk space, memory or connection left.")
_BROKEN_DISK = _Trouble("PostgreSQL cannot read or write its files; its log says why.")
_STANDBY = _Trouble("PostgreSQL takes no changes now: it is a standby or set to read only.")
_SLOW = _Trouble("PostgreSQL took too long; nothing was written.", ErrorCode.DATABASE_TIMEOUT)
_CONFLICT = _Trouble(
    "Another change was made at the same time; nothing was written. Try again.",
    ErrorCode.DATABASE_CONFLICT,
    Conflict,
    retry_after_seconds=1,
)

# By SQLSTATE or its class, the first two characters; the whole code counts first.
_TROUBLES = {
    "08": _LOST,
    "25006": _STANDBY,
    "25P03": _LOST,  # idle in a transaction for too long: this process stood still
    "40001": _CONFLICT,  # serialization failure
    "40P01": _CONFLICT,  # deadlock
    "53": _EXHAUSTED,
    "55P03": _CONFLICT,  # a lock was not granted in time
    "57014": _SLOW,  # statement timeout
    "57P01": _SHUTTING_DOWN,
    "57P02": _SHUTTING_DOWN,
    "57P03": _SHUTTING_DOWN,
    "57P04": _CLOSED_DOOR,  # the database was dropped
    "57P05": _LOST,  # idle for too long
    "58": _BROKEN_DISK,
}
_MISSING_TABLE_OR_COLUMN = frozenset({"42P01", "42703"})
_REFUSED = "Connection refused"
_ANSWERED = "FATAL:"  # a connection attempt has no SQLSTATE, only the server's sentence


@contextmanager
def translated() -> Iterator[None]:
    """Raise `ServiceUnavailable`, or `Conflict`, for what is not a bug inside."""
    try:
        yield
    except (DBAPIError, PoolTimeout) as exc:
        trouble = _trouble(exc)
        if trouble is None:
            raise
        raise trouble.kind(
            trouble.code,
            trouble.detail,
            retry_after_seconds=trouble.retry_after_seconds,
            inconclusive=trouble.inconclusive,
        ) from exc


def misses_a_table(error: BaseException) -> bool:
    """Whether a statement failed because a table or a column does not exist."""
    return isinstance(error, DBAPIError) and _sqlstate(error) in _MISSING_TABLE_OR_COLUMN


def _trouble(error: DBAPIError | PoolTimeout) -> _Trouble | None:
    if isinstance(error, PoolTimeout):
        return _ALL_IN_USE
    state = _sqlstate(error)
    if state:
        return _TROUBLES.get(state) or _TROUBLES.get(state[:2])
    if error.connection_invalidated:
        return _LOST
    if isinstance(error, OperationalError):
        if _ANSWERED in str(error.orig):
            return _CLOSED_DOOR
        return _ABSENT if _REFUSED in str(error.orig) else _SILENT
    return None


def _sqlstate(error: DBAPIError) -> str | None:
    state: str | None = getattr(error.orig, "pgcode", None)
    return state
