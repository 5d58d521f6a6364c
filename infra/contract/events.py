"""What receivers can be told about, and where a message to one of them stands."""

from enum import StrEnum
from uuid import UUID


class Event(StrEnum):
    """The types of messages. A job or batch has finished in any of its final states."""

    JOB_FINISHED = "job.finished"
    BATCH_FINISHED = "batch.finished"


class DeliveryState(StrEnum):
    """Where one message to one receiver is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


def message_id(delivery_id: UUID) -> str:
    """Return a message's name in the header `webhook-id`, the same in every try."""
    return f"msg_{delivery_id.hex}"
