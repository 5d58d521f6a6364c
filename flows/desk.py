"""Where the bridge hands a claimed job over to the flow that Prefect starts for it.

A flow gets only its parameters from Prefect. A run that nobody handed a claim to (started
from Prefect's UI) claims its job itself.
"""

from uuid import UUID, uuid4

from flows.leases import LeaseKeeper
from flows.workshop import Workshop, in_thread
from infra.host import process_name
from tasks.claim import Claim, Unclaimed, claim


class Desk:
    """One per process. Used only from the event loop."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.leases = LeaseKeeper(workshop)
        self.owner = f"{process_name()}-{uuid4().hex[:8]}"
        self._handed_over: dict[UUID, Claim] = {}

    async def claim(self, job_id: UUID) -> Claim | Unclaimed:
        """Claim a job for this process. Raises `ServiceUnavailable`."""
        return await in_thread(
            self.workshop.io_threads,
            claim,
            self.workshop.database,
            job_id,
            owner=self.owner,
            settings=self.workshop.configuration.worker,
        )

    def hand_over(self, claimed: Claim) -> None:
        """Leave a claim for the flow run that is about to start."""
        self._handed_over[claimed.job_id] = claimed

    async def claim_for(self, job_id: UUID) -> Claim | Unclaimed:
        """Return the claim that was handed over, or a new one."""
        claimed = self._handed_over.pop(job_id, None)
        return claimed if claimed is not None else await self.claim(job_id)


_desks: list[Desk] = []


def install_desk(desk: Desk) -> None:
    """Make the desk the one that flows of this process use."""
    _desks[:] = [desk]


def current_desk() -> Desk:
    """Return the desk of this process."""
    if not _desks:
        raise RuntimeError("No desk is installed: flows of this project run in `flows.worker`.")
    return _desks[0]
