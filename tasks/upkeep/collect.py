"""Use case: remove unused objects from the store and expired rows from PostgreSQL.

May be killed at any moment and run again: see `tasks.contents.remove` for why nothing that is
referred to is lost. Uploads in several parts that were never completed cannot come from here:
every object is sent as one part.
"""

from collections.abc import Callable

import structlog

from infra.db.engine import Database
from infra.objectstore import ObjectStore
from infra.settings.sections import WebhookSettings
from tasks.contents.remove import remove_requested
from tasks.upkeep.ended_work import forget_ended_work
from tasks.upkeep.expired_rows import forget_old_rows
from tasks.upkeep.garbage import Rules, Tally
from tasks.upkeep.orphans import remove_orphans, remove_probes
from tasks.upkeep.retire import retire_unshown
from tasks.upkeep.retired import count_waiting, forget_retired

log = structlog.get_logger(__name__)


def collect_garbage(
    database: Database,
    store: ObjectStore,
    webhooks: WebhookSettings,
    *,
    rules: Rules,
    tell: Callable[[Tally], None] = lambda _: None,
) -> Tally:
    """Remove all garbage and return how much it was; with `rules.dry_run` only look.

    `tell` hears of the progress after each slice of the work. Raises `ServiceUnavailable` when
    PostgreSQL or the store is away; what was done until then stays done.
    """
    tally = Tally()

    def remove() -> None:
        while not rules.dry_run and remove_requested(database, store):
            continue
        tell(tally)

    forget_old_rows(database, webhooks, rules, tally=tally)
    forget_ended_work(database, rules, tally=tally)
    forget_retired(database, rules, tally=tally, remove=remove)
    if not rules.dry_run:
        retire_unshown(database)  # afterwards: a collection removes what an earlier one has seen
    remove_orphans(database, store, rules, tally=tally, remove=remove)
    remove_probes(store, rules)
    tally.waiting = count_waiting(database)
    amounts = {kind.name.lower(): amount.count for kind, amount in tally.amounts.items()}
    log.info("garbage collected", dry_run=rules.dry_run, looked_at=tally.looked_at, **amounts)
    return tally
