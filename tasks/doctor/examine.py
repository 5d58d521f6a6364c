"""Use case: check everything that must hold of a live system, and mend what is safe to mend.

The list below is the table of contents. A check looks for itself; what is away for one may be there
for the next. Nothing that is mended here is lost or done twice by that: each repair is one that a
worker or the API would do.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import structlog

from infra.contract.errors import ProductImagesError, ServiceUnavailable
from tasks.doctor.contradictions import check_settings
from tasks.doctor.deliveries import check_keys_of_callers, check_webhooks
from tasks.doctor.finding import Diagnosis, Finding, Level, System
from tasks.doctor.objects import (
    check_access,
    check_keys,
    check_orphans,
    check_removals,
    check_variants,
    check_writes,
)
from tasks.doctor.parts import (
    check_cache,
    check_clocks,
    check_connections,
    check_dead_letters,
    check_decoders,
    check_disk,
    check_queues,
    check_schema,
)
from tasks.doctor.prefect_runs import check_deployments, check_runs, check_schedules
from tasks.doctor.work import (
    check_batches,
    check_images,
    check_leases,
    check_messages,
    check_outbox,
    check_ownership,
    check_results,
    check_workers,
)

log = structlog.get_logger(__name__)

Check = Callable[[System], Finding]

CHECKS: Mapping[str, Check] = {
    "settings": check_settings,
    "decoders": check_decoders,
    "disk": check_disk,
    "schema": check_schema,
    "clocks": check_clocks,
    "connections": check_connections,
    "cache": check_cache,
    "queues": check_queues,  # what is published below needs them
    "dead-letters": check_dead_letters,
    "workers": check_workers,
    "leases": check_leases,  # a lease that never ends hides what has no worker
    "ownership": check_ownership,
    "batches": check_batches,
    "outbox": check_outbox,
    "messages": check_messages,
    "results": check_results,
    "images": check_images,
    "deployments": check_deployments,
    "schedules": check_schedules,
    "runs": check_runs,
    "webhooks": check_webhooks,
    "api-keys": check_keys_of_callers,
    "store": check_writes,
    "variants": check_variants,
    "keys": check_keys,
    "orphans": check_orphans,
    "removals": check_removals,
    "access": check_access,
}


def examine(system: System, names: Sequence[str] = ()) -> Iterator[Diagnosis]:
    """Yield the finding of each check, or of the named ones, as soon as it is there."""
    for name, check in CHECKS.items():
        if not names or name in names:
            yield Diagnosis(name, _try(name, check, system))


def _try(name: str, check: Check, system: System) -> Finding:
    try:
        return check(system)
    except ServiceUnavailable as exc:
        return Finding(Level.UNKNOWN, exc.detail, "Bring that part back, then check again.")
    except ProductImagesError as exc:
        return Finding(Level.UNKNOWN, exc.detail)
    except Exception as exc:  # the other checks must go on; the log has the traceback
        log.exception("check failed", check=name)
        return Finding(
            Level.UNKNOWN, f"The check itself failed: {type(exc).__name__}.", "See the log."
        )
