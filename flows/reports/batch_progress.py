"""The progress artifact on the page of a batch's run: a bar, and a table of counts."""

from uuid import UUID

import structlog
from httpx import HTTPError
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.context import AsyncClientContext
from prefect.exceptions import PrefectException

from flows.reports.artifacts import plain, table
from tasks.batches.read import BatchView

log = structlog.get_logger(__name__)

_PERCENT = 100


class Progress:
    """One artifact per run of the coordinator; what cannot be shown now is shown next time."""

    def __init__(self, batch_id: UUID, flow_run_id: UUID) -> None:
        self._batch_id = batch_id
        self._flow_run_id = flow_run_id
        self._artifact_id: UUID | None = None
        self._shown = ""

    async def show(self, view: BatchView) -> None:
        """Write what has changed. Raises nothing of Prefect's."""
        text = _text(view)
        if text == self._shown:
            return
        try:
            percent = round(_PERCENT * view.progress, 2)
            async with AsyncClientContext.get_or_create() as clients:
                if self._artifact_id is not None:
                    update = ArtifactUpdate(data=percent, description=text)
                    await clients.client.update_artifact(self._artifact_id, update)
                else:
                    artifact = ArtifactCreate(
                        key=f"batch-{self._batch_id}",
                        type="progress",
                        data=percent,
                        description=text,
                        flow_run_id=self._flow_run_id,
                    )
                    self._artifact_id = (await clients.client.create_artifact(artifact)).id
        except (HTTPError, PrefectException):
            log.info("progress not shown", batch_id=str(self._batch_id), exc_info=True)
        else:
            self._shown = text


def _text(view: BatchView) -> str:
    rows = [(str(state), number) for state, number in view.counts.items()]
    head = plain(view.name or f"{view.kind} {view.id}")
    planned = "" if view.planned else " so far: the batch is still being planned"
    return f"**{head}**: {view.total} products{planned}\n\n{table(('state', 'jobs'), rows)}"
