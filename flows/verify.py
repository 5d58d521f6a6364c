"""The nightly check that the store holds all variants."""

from datetime import UTC, datetime
from typing import Annotated, Any

from prefect import State, flow
from prefect.logging import get_run_logger
from pydantic import Field

from flows.reports.artifacts import show
from flows.reports.upkeep import findings_sentence, findings_state, findings_table
from flows.runtime.resources import in_thread, worker_resources
from tasks.upkeep.sample import all_promises, sample
from tasks.upkeep.verify import Findings, Verifier


@flow(name="verify", retries=0, persist_result=False)
async def verify(
    *,
    count: Annotated[int, Field(ge=1, le=2**31 - 1)] = 1000,
    everything: bool = False,
    deep: bool = False,
    repair: bool = True,
) -> State[Any]:
    """Check that stored objects exist with the right size and hash.

    Ends Failed when something is broken and not being regenerated.

    Args:
        count: Variants to sample, spread over the catalogue, different ones each day.
        everything: Check all variants instead, for existence and size only, unless deep.
        deep: With everything: also read all objects and compare their hashes. Takes hours.
        repair: Regenerate what is broken, in the bulk lane.
    """
    resources, logger = worker_resources(), get_run_logger()

    def tell(findings: Findings) -> None:
        logger.info(findings_sentence(findings))

    verifier = Verifier(
        resources.database,
        resources.store,
        thorough=deep or not everything,
        presets=resources.configuration.presets if repair else None,
    )
    today = datetime.now(UTC).date()
    slices = (
        all_promises(resources.database) if everything else sample(resources.database, count, today)
    )
    findings = await in_thread(resources.io_threads, verifier.verify, slices, tell)
    await show(findings_table(findings), findings_sentence(findings))
    return findings_state(findings)
