"""Flow runs of jobs on the Prefect server: one run per job, whatever happens to workers."""

from typing import Any
from uuid import UUID

from prefect import State
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelled, Completed, Failed, Pending

from infra.states import JobState
from tasks.claim import Claim

DEPLOYMENT = "process-product/process-product"
_TAG_CHARACTERS = 100

_FINAL_STATES: dict[JobState, State[Any]] = {
    JobState.READY: Completed(),
    JobState.PARTIAL: Completed(name="Partial"),
    JobState.FAILED: Failed(),
    JobState.CANCELLED: Cancelled(),
}


class FlowRuns:
    """Creates and closes flow runs. Used only from the event loop."""

    def __init__(self, client: PrefectClient) -> None:
        self._client = client
        self._deployment_id: UUID | None = None

    async def for_job(self, claim: Claim) -> FlowRun:
        """Return the job's flow run, created from the deployment unless it exists.

        It is created Pending, so that no poller takes it.
        """
        deployment_id = self._deployment_id
        if deployment_id is None:
            deployment = await self._client.read_deployment_by_name(DEPLOYMENT)
            deployment_id = self._deployment_id = deployment.id
        return await self._client.create_flow_run_from_deployment(
            deployment_id,
            parameters={"job_id": str(claim.job_id)},
            state=Pending(),
            name=_name(claim),
            tags=_tags(claim),
            idempotency_key=str(claim.job_id),
        )

    async def close(self, flow_run_id: UUID, state: JobState) -> None:
        """Bring a run to its job's final state, unless it is in a final state already."""
        flow_run = await self._client.read_flow_run(flow_run_id)
        if flow_run.state is None or not flow_run.state.is_final():
            await self._client.set_flow_run_state(flow_run_id, _FINAL_STATES[state], force=True)


def _name(claim: Claim) -> str:
    what = claim.sku or f"product {str(claim.product_id)[-12:]}"
    count = len(claim.images)
    return f"{what} · {count} image{'' if count == 1 else 's'}"


def _tags(claim: Claim) -> list[str]:
    tags = [f"lane:{claim.lane}"]
    if claim.sku is not None:
        tags.append(f"sku:{claim.sku}"[:_TAG_CHARACTERS])
    return tags
