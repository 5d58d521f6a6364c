"""The weekly garbage collection."""

from typing import Annotated, Any

from prefect import flow
from prefect.logging import get_run_logger
from pydantic import Field

from flows.reports.artifacts import show
from flows.reports.upkeep import tally_sentence, tally_table
from flows.runtime.resources import worker_resources
from infra.settings.sections import GarbageSettings, WebhookSettings
from tasks.upkeep.collect import collect_garbage as collect
from tasks.upkeep.garbage import Rules, Tally

# The form and the server refuse other numbers before a run begins.
_LONGEST = 1_000_000  # what no calendar ends before
_Positive = Annotated[float, Field(gt=0, le=_LONGEST)]
_NotNegative = Annotated[float, Field(ge=0, le=_LONGEST)]


@flow(name="collect-garbage", retries=0, persist_result=False)
async def collect_garbage(
    *,
    dry_run: bool = False,
    older_than_hours: _Positive | None = None,
    superseded_retention_days: _NotNegative | None = None,
    original_retention_days: _NotNegative | None = None,
) -> None:
    """Remove objects without rows, replaced variants, unused originals, expired keys and messages.

    Args:
        dry_run: Only count what would be removed; change nothing.
        older_than_hours: Keep objects that are younger. Empty: GC_GRACE_HOURS.
        superseded_retention_days: Keep replaced variants this long. Empty:
            GC_SUPERSEDED_RETENTION_DAYS.
        original_retention_days: Keep unused originals this long. Empty:
            GC_ORIGINAL_RETENTION_DAYS.
    """
    resources, logger = worker_resources(), get_run_logger()
    given = {
        "grace_hours": older_than_hours,
        "superseded_retention_days": superseded_retention_days,
        "original_retention_days": original_retention_days,
    }
    known: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    webhooks = WebhookSettings.load()
    rules = Rules.of(GarbageSettings.load(**known), webhooks, dry_run=dry_run)

    def tell(tally: Tally) -> None:
        logger.info(tally_sentence(tally, dry_run=dry_run))

    tally = await resources.db(collect, resources.store, webhooks, rules=rules, tell=tell)
    await show(tally_table(tally), tally_sentence(tally, dry_run=dry_run))
