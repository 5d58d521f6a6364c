"""Locks on contents by their SHA-256, whether there is a row for them or not.

A writer of rows that refer to stored objects shares the lock; a remover of objects has it
alone while it looks for such rows. Held until the transaction ends, and taken before any row of
`originals`, in the order of the SHA-256: so no two wait for each other in a circle.
"""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session

from infra.db.locks import AdvisoryLock

_OURS = int(AdvisoryLock.CONTENT)

_SHARE = text(
    "SELECT pg_advisory_xact_lock_shared(hashtextextended(sha256, :seed)) "
    "FROM unnest(CAST(:contents AS text[])) WITH ORDINALITY AS content (sha256, place)"
)
_OWN = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(sha256, :seed)) "
    "FROM unnest(CAST(:contents AS text[])) WITH ORDINALITY AS content (sha256, place)"
)


def share_contents(session: Session, contents: Collection[str]) -> None:
    """Keep these contents from being removed; wait for a removal that is being decided."""
    if contents:
        session.execute(_SHARE, {"contents": sorted(set(contents)), "seed": _OURS})


def own_contents(session: Session, contents: Collection[str]) -> None:
    """Keep all others from new references to these contents."""
    if contents:
        session.execute(_OWN, {"contents": sorted(set(contents)), "seed": _OURS})
