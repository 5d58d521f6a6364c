"""Claims as the bridge hands them over, without any database."""

from datetime import UTC, datetime
from uuid import UUID

from infra.contract.states import Lane
from tasks.jobs.claim import Claim
from tasks.steps.results import ClaimedImage

JOB_ID = UUID("01900000-0000-7000-8000-000000000001")
PRODUCT_ID = UUID("01900000-0000-7000-8000-0000000000ff")
CLAIMED_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def image_at(position: int) -> ClaimedImage:
    """Return an image of a job."""
    return ClaimedImage(
        id=UUID(int=position),
        position=position,
        source_url=f"https://supplier.example/{position}.jpg",
        stored_key=None,
        current_sha256=None,
        current_fingerprint=None,
    )


def claim_of(
    images: int,
    *,
    sku: str | None = None,
    lane: Lane = Lane.INTERACTIVE,
    flow_run_id: UUID | None = None,
    round_: int = 0,
) -> Claim:
    """Return a first claim of a job with so many images."""
    return Claim(
        job_id=JOB_ID,
        fencing_token=1,
        attempt=1,
        product_id=PRODUCT_ID,
        sku=sku,
        preset="web",
        lane=lane,
        flow_run_id=flow_run_id,
        round=round_,
        claimed_at=CLAIMED_AT,
        images=tuple(image_at(position) for position in range(images)),
    )
