"""What callers get from `POST /reprocess`."""

from dataclasses import asdict
from uuid import UUID

from pydantic import BaseModel

from tasks.reprocess.estimate import Estimate
from tasks.reprocess.start import Started


class ReprocessEstimate(BaseModel):
    """What a selection comes to: upper bounds, as equal images are made once.

    `without_original` images match but have nothing stored; `refetch` would ask for them.
    """

    products: int
    images: int
    variants: int
    bytes: int
    estimated_cpu_seconds: float
    without_original: int

    @classmethod
    def of(cls, estimate: Estimate) -> "ReprocessEstimate":
        """Show an estimate."""
        return cls.model_validate(estimate, from_attributes=True)


class ReprocessStarted(ReprocessEstimate):
    """The batch that makes the selection; null when nothing had to be made."""

    batch_id: UUID | None
    status_url: str | None

    @classmethod
    def started(cls, started: Started) -> "ReprocessStarted":
        """Show a batch that was started, or that nothing was."""
        identity = started.batch_id
        url = None if identity is None else f"/batches/{identity}"
        return cls(batch_id=identity, status_url=url, **asdict(started.estimate))
