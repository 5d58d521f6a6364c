"""What garbage is, how long it is left alone, and how much of it was found."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from infra.settings.sections import GarbageSettings, WebhookSettings


class Garbage(StrEnum):
    """The kinds of things that the garbage collector removes."""

    SUPERSEDED_VARIANTS = "superseded variants"
    UNSHOWN_ORIGINALS = "originals that no image shows"
    STRAY_VARIANTS = "variants without a row"
    STRAY_ORIGINALS = "originals without a row"
    EXPIRED_KEYS = "expired idempotency keys"
    OLD_DELIVERIES = "old webhook deliveries"
    OLD_BATCHES = "ended batches"
    OLD_JOBS = "ended jobs"


@dataclass(frozen=True, slots=True)
class Rules:
    """How one collection decides; `dry_run` touches nothing at all.

    Without a `job_retention`, ended jobs and batches are kept for ever.
    Orphans are looked for among the contents whose digests begin with `digests`.
    """

    dry_run: bool
    grace: timedelta
    superseded_retention: timedelta
    original_retention: timedelta
    delivery_retention: timedelta
    job_retention: timedelta | None = None
    digests: str = ""

    @classmethod
    def of(
        cls, settings: GarbageSettings, webhooks: WebhookSettings, *, dry_run: bool = False
    ) -> "Rules":
        """Return what the settings say."""
        return cls(
            dry_run=dry_run,
            grace=timedelta(hours=settings.grace_hours),
            superseded_retention=timedelta(days=settings.superseded_retention_days),
            original_retention=timedelta(days=settings.original_retention_days),
            delivery_retention=timedelta(days=webhooks.retention_days),
            job_retention=timedelta(days=settings.job_retention_days) or None,
        )


@dataclass(frozen=True, slots=True)
class Amount:
    """How many, and how many bytes of the store they take."""

    count: int = 0
    bytes: int = 0


class Tally:
    """Adds up what one collection removed, or would remove.

    `looked_at` counts objects of the store; `waiting` folders whose retention is not over;
    `unknown` objects whose keys have not the form of ours, and which are left alone.
    """

    def __init__(self) -> None:
        self._amounts: dict[Garbage, Amount] = defaultdict(Amount)
        self.looked_at = 0
        self.waiting = 0
        self.unknown = 0

    def add(self, kind: Garbage, count: int, size_bytes: int = 0) -> None:
        """Add to a kind."""
        known = self._amounts[kind]
        self._amounts[kind] = Amount(known.count + count, known.bytes + size_bytes)

    @property
    def amounts(self) -> Mapping[Garbage, Amount]:
        """Return all kinds in their order, also those of which there is nothing."""
        return {kind: self._amounts[kind] for kind in Garbage}
