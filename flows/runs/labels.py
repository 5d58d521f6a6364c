"""Names and tags of the runs of jobs, chunks and batches.

Tags are bounded in number and length, whatever a caller or a supplier writes.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from infra.contract.errors import FetchRefused
from infra.contract.source_refs import uploaded_sha256
from infra.contract.states import Lane
from infra.fetch.response_headers import MAX_URL_CHARACTERS
from infra.fetch.safety.source_url import parse_source_url
from tasks.batches.lead import Leading
from tasks.chunks.claim import ChunkClaim
from tasks.jobs.claim import Claim

DEPLOYMENT = "process-product/process-product"
CHUNK_DEPLOYMENT = "process-chunk/process-chunk"
BATCH_DEPLOYMENT = "coordinate-batch/coordinate-batch"
TAG_CHARACTERS = 100
MAX_HOST_TAGS = 3
_NAME_CHARACTERS = 80


def batches_pool(work_pool: str) -> str:
    """Return the work pool of the coordinators: they must not count against the limit of jobs."""
    return f"{work_pool}-batches"


@dataclass(frozen=True, slots=True)
class JobLabel:
    """The label of a job: its run's name and tags.

    `hosts` are the suppliers that its images come from, those with the most images first.
    """

    job_id: UUID
    round: int
    flow_run_id: UUID | None
    product_id: UUID
    sku: str | None
    lane: Lane
    image_count: int
    hosts: tuple[str, ...] = ()
    batch_id: UUID | None = None

    @classmethod
    def of(cls, claim: Claim) -> "JobLabel":
        """Label the job of a claim."""
        return cls(
            job_id=claim.job_id,
            round=claim.round,
            flow_run_id=claim.flow_run_id,
            product_id=claim.product_id,
            sku=claim.sku,
            lane=claim.lane,
            image_count=len(claim.images),
            hosts=hosts_of(image.source_url for image in claim.images),
            batch_id=claim.batch_id,
        )

    @property
    def deployment(self) -> str:
        """The deployment that the run is one of."""
        return DEPLOYMENT

    @property
    def parameters(self) -> dict[str, str]:
        """What the run is about."""
        return {"job_id": str(self.job_id)}

    @property
    def idempotency_key(self) -> str:
        """Equal for all attempts of a round; each round has a run of its own."""
        return str(self.job_id) if self.round == 0 else f"{self.job_id}:{self.round}"

    @property
    def name(self) -> str:
        """The run's name in the UI."""
        what = self.sku or f"product {str(self.product_id)[-12:]}"
        return f"{what} · {counted(self.image_count)}"

    @property
    def tags(self) -> list[str]:
        """The tags of the run and of its task runs, for the search in the UI."""
        tags = [f"lane:{self.lane}"]
        if self.sku is not None:
            tags.append(f"sku:{self.sku}")
        if self.batch_id is not None:
            tags.append(f"batch:{self.batch_id}")
        tags.extend(f"host:{host}" for host in self.hosts[:MAX_HOST_TAGS])
        return [tag[:TAG_CHARACTERS] for tag in tags]


@dataclass(frozen=True, slots=True)
class BulkLabel:
    """Names the run of a chunk or of a batch's coordinator."""

    deployment: str
    parameters: Mapping[str, str]
    idempotency_key: str
    name: str
    tags: list[str]
    flow_run_id: UUID | None = None


RunLabel: TypeAlias = JobLabel | BulkLabel
"""What is needed to find or make a run; `idempotency_key` is equal for all that one stands for."""


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


def hosts_of(source_urls: Iterable[str]) -> tuple[str, ...]:
    """Return the hosts of source URLs, the most frequent first; uploaded files have none."""
    counts = Counter(host for url in source_urls if (host := _host(url)) is not None)
    return tuple(sorted(counts, key=lambda host: (-counts[host], host)))


def counted(images: int) -> str:
    """Return a number of images in words."""
    return f"{images} image{'' if images == 1 else 's'}"


def _host(source_url: str) -> str | None:
    if uploaded_sha256(source_url) is not None:
        return None
    try:
        return parse_source_url(source_url, max_characters=MAX_URL_CHARACTERS).host
    except FetchRefused:
        return None  # the fetcher says why
