"""Names and tags of the runs of chunks and batches."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from infra.contract.states import Lane
from tasks.batches.lead import Leading
from tasks.chunks.claim import ChunkClaim

CHUNK_DEPLOYMENT = "process-chunk/process-chunk"
BATCH_DEPLOYMENT = "coordinate-batch/coordinate-batch"
_NAME_CHARACTERS = 80


def batches_pool(work_pool: str) -> str:
    """Return the work pool of the coordinators: they must not count against the limit of jobs."""
    return f"{work_pool}-batches"


class RunLabel(Protocol):
    """What is needed to find or make a run."""

    @property
    def flow_run_id(self) -> UUID | None:
        """The run that is known already."""

    @property
    def idempotency_key(self) -> str:
        """Equal for everything that one run stands for."""

    @property
    def name(self) -> str:
        """The run's name in the UI."""

    @property
    def tags(self) -> list[str]:
        """The run's tags."""

    @property
    def deployment(self) -> str:
        """The deployment that it is a run of."""

    @property
    def parameters(self) -> Mapping[str, str]:
        """What the run is about."""


@dataclass(frozen=True, slots=True)
class BulkLabel:
    """Names the run of a chunk or of a batch's coordinator."""

    deployment: str
    parameters: Mapping[str, str]
    idempotency_key: str
    name: str
    tags: list[str]
    flow_run_id: UUID | None = None


def chunk_label(claim: ChunkClaim) -> BulkLabel:
    """Label the run of a chunk."""
    jobs = len(claim.job_ids)
    what = (claim.batch_name or str(claim.batch_kind))[:_NAME_CHARACTERS]
    return BulkLabel(
        deployment=CHUNK_DEPLOYMENT,
        parameters={"chunk_id": str(claim.chunk_id)},
        idempotency_key=str(claim.chunk_id),
        name=f"{what} · {jobs} product{'' if jobs == 1 else 's'}",
        tags=[f"lane:{Lane.BULK}", f"batch:{claim.batch_id}"],
        flow_run_id=claim.flow_run_id,
    )


def batch_label(leading: Leading) -> BulkLabel:
    """Label the run of a batch's coordinator; each round of the batch has one of its own."""
    return BulkLabel(
        deployment=BATCH_DEPLOYMENT,
        parameters={"batch_id": str(leading.batch_id)},
        idempotency_key=f"{leading.batch_id}:{leading.round}",
        name=f"{leading.kind} · {(leading.name or str(leading.batch_id)[-12:])[:_NAME_CHARACTERS]}",
        tags=[f"lane:{Lane.BULK}", f"batch:{leading.batch_id}"],
        flow_run_id=leading.flow_run_id,
    )
