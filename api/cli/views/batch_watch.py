"""Follows a batch until it is final, with a progress bar on standard error."""

import time
from typing import Any

from api.cli.client import ApiClient
from api.cli.views.job_watch import progress_bar
from infra.contract.errors import ServiceUnavailable
from infra.contract.states import BatchState

_POLL_SECONDS = 1.0
_PATIENCE = 30  # polls in a row without an answer


def watch_batch(client: ApiClient, batch_id: str, *, quiet: bool = False) -> Any:
    """Return the batch when it is final; an API that restarts meanwhile costs nothing."""
    with progress_bar(quiet=quiet, unit="jobs") as show:
        left = _PATIENCE
        while True:
            try:
                batch, left = client.batch(batch_id), _PATIENCE
            except ServiceUnavailable:
                left -= 1
                if not left:
                    raise
            else:
                ended = round(batch["progress"] * batch["total"])
                show(description=batch["state"], total=batch["total"], completed=ended)
                if batch["state"] != BatchState.RUNNING:
                    return batch
            time.sleep(_POLL_SECONDS)
