"""What callers get from `GET /overview` and its events."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, Field

from api.schemas.batches import Batch
from api.schemas.hosts import SourceHost
from infra.contract.states import Lane
from tasks.overview import MINUTES
from tasks.overview import Overview as View


class Today(BaseModel):
    """The images that were finished since midnight, in UTC."""

    day: date
    ready: int
    failed: int
    saved_bytes: int = Field(
        description="by how much the largest variants of images made are smaller than their sources"
    )


class Minute(BaseModel):
    """The images that were finished within a minute."""

    start: datetime
    ready: int
    failed: int


class WaitingJob(BaseModel):
    """A queued job, and since when it waits."""

    id: UUID
    product_id: UUID
    sku: str | None
    lane: Lane
    since: datetime


class Overview(BaseModel):
    """What goes on at this moment; a few seconds old at most."""

    today: Today
    waiting: int = Field(description="images that wait, or are worked on")
    images_per_minute: float = Field(description="the mean of the last hour")
    minutes: list[Minute] = Field(description="the last hour, the oldest minute first")
    batches: list[Batch] = Field(description="running batches, the newest first, 20 at most")
    hosts_in_trouble: list[SourceHost] | None = Field(
        description="source hosts that are left alone for now; null while that is not known"
    )
    oldest_waiting: WaitingJob | None = Field(description="the queued job that waits longest")

    @classmethod
    def of(cls, view: View) -> "Overview":
        """Show an overview."""
        hosts = view.hosts
        finished = sum(minute.ready + minute.failed for minute in view.minutes)
        return cls(
            today=Today.model_validate(view.today, from_attributes=True),
            waiting=view.waiting,
            images_per_minute=round(finished / MINUTES, 1),
            minutes=[Minute.model_validate(each, from_attributes=True) for each in view.minutes],
            batches=[Batch.of(batch) for batch in view.batches],
            hosts_in_trouble=None if hosts is None else [SourceHost.of(host) for host in hosts],
            oldest_waiting=None
            if view.oldest_waiting is None
            else WaitingJob.model_validate(view.oldest_waiting, from_attributes=True),
        )
