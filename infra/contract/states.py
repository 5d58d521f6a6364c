"""The states that jobs and images go through, in the contract's words."""

from enum import StrEnum


class JobState(StrEnum):
    """Where a job is. The last four are final."""

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the job has ended; only a retry changes it."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


class WaitReason(StrEnum):
    """What a queued job waits for, beyond its turn."""

    BROKER = "broker"  # its message has not reached RabbitMQ
    WORKER = "worker"  # none is alive
    DATABASE = "database"
    STORAGE = "storage"  # the object store is away, or refuses writes
    PREFECT = "prefect"
    DEPLOYMENT = "deployment"  # Prefect does not know our deployments
    PAUSE = "pause"  # a person paused the deployment, work pool or work queue
    SOURCE = "source"  # a supplier's host asked to come back later


class ImageState(StrEnum):
    """Where one image is, within a job or as the product shows it now."""

    QUEUED = "queued"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


class ProductState(StrEnum):
    """What the images of a product add up to now.

    `processing`: at least one image is waiting or worked on; `partial`: all have ended, some
    failed. An image that failed when made again counts as failed, although its older variants
    are still shown.
    """

    EMPTY = "empty"
    PROCESSING = "processing"
    READY = "ready"
    PARTIAL = "partial"
    FAILED = "failed"


class Outcome(StrEnum):
    """What a job did for an image that ended ready."""

    CREATED = "created"
    UNCHANGED = "unchanged"
    DEDUPLICATED = "deduplicated"


class Lane(StrEnum):
    """Which queue a job travels on."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


class BatchKind(StrEnum):
    """What a batch does."""

    IMPORT = "import"
    REPROCESS = "reprocess"


class BatchState(StrEnum):
    """Where a batch is. The last four are final, except for a retry."""

    RUNNING = "running"
    READY = "ready"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ChunkState(StrEnum):
    """Where a chunk is. `done` says that no job is in it any more that waits for a result."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
