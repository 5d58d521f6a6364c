"""Settings that are right alone and wrong together."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tasks.doctor.finding import Finding, Level, System, SystemSettings, ok
from tasks.pixels.cpus import usable_cpus

_API_THREADS_BESIDE = 4  # the dispatcher, the webhook worker, the watcher and the probe
_FETCH_SHARE = 0.6  # of a job's time
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Contradiction:
    """When settings disagree, and what to do about it."""

    holds: Callable[[SystemSettings], bool]
    detail: str
    advice: str


def _machine_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


CONTRADICTIONS: Sequence[Contradiction] = (
    Contradiction(
        lambda s: s.pixels.max_bytes < max(s.fetch.max_bytes, s.api.max_file_bytes),
        "Files are fetched or uploaded that are then too large to be decoded.",
        "Keep PIXEL_MAX_BYTES at or above FETCH_MAX_BYTES and API_MAX_FILE_BYTES.",
    ),
    Contradiction(
        lambda s: s.api.max_upload_bytes < s.api.max_file_bytes,
        "One allowed file is more than all files of a request may be.",
        "Keep API_MAX_UPLOAD_BYTES at or above API_MAX_FILE_BYTES.",
    ),
    Contradiction(
        lambda s: s.api.max_connections <= s.api.events_listeners,
        "Streams of events can take all connections of the API.",
        "Keep API_MAX_CONNECTIONS above API_EVENTS_LISTENERS.",
    ),
    Contradiction(
        lambda s: s.fetch.threads <= s.fetch.host_concurrency,
        "One slow supplier can take all threads that fetch.",
        "Keep FETCH_THREADS above FETCH_HOST_CONCURRENCY.",
    ),
    Contradiction(
        lambda s: s.fetch.total_timeout_seconds > _FETCH_SHARE * s.job.timeout_seconds,
        "One source may take longer than a job gives to fetching.",
        "Raise JOB_TIMEOUT_SECONDS, or lower FETCH_TOTAL_TIMEOUT_SECONDS.",
    ),
    Contradiction(
        lambda s: s.pixels.wall_seconds > s.job.timeout_seconds,
        "One image may take longer than its whole job.",
        "Keep PIXEL_WALL_SECONDS below JOB_TIMEOUT_SECONDS.",
    ),
    Contradiction(
        lambda s: s.dispatch.lost_after_seconds < s.job.timeout_seconds,
        "Jobs are published again while others that came before them still run.",
        "Keep DISPATCH_LOST_AFTER_SECONDS above JOB_TIMEOUT_SECONDS.",
    ),
    Contradiction(
        lambda s: s.timings.settling_seconds < s.job.lease_seconds / 3,
        "Runs count as orphaned before their worker renews its lease.",
        "Raise WORKER_SETTLING_SECONDS above a third of JOB_LEASE_SECONDS.",
    ),
    Contradiction(
        lambda s: s.garbage.grace_hours * 3600 < 2 * s.job.timeout_seconds,
        "Objects that a job has just stored may count as garbage before it ends.",
        "Keep GC_GRACE_HOURS far above JOB_TIMEOUT_SECONDS.",
    ),
    Contradiction(
        lambda s: s.webhooks.give_up_after_seconds > s.webhooks.disable_after_seconds,
        "Endpoints are disabled before their first message is given up.",
        "Keep WEBHOOK_DISABLE_AFTER_SECONDS above WEBHOOK_GIVE_UP_AFTER_SECONDS.",
    ),
    Contradiction(
        lambda s: s.webhooks.retention_days * _DAY_SECONDS < s.webhooks.give_up_after_seconds,
        "The log of a message is deleted while it may still be looked at.",
        "Keep WEBHOOK_RETENTION_DAYS above WEBHOOK_GIVE_UP_AFTER_SECONDS.",
    ),
    Contradiction(
        lambda s: s.database.pool_size < s.api.threads + s.webhooks.threads + _API_THREADS_BESIDE,
        "Threads of the API wait for connections to PostgreSQL.",
        "Raise DATABASE_POOL_SIZE to API_THREADS + WEBHOOK_THREADS + 4.",
    ),
    Contradiction(
        lambda s: (
            (s.pixels.processes or usable_cpus()) * s.pixels.memory_bytes > 2 * _machine_bytes()
        ),
        "The pixel processes together may use twice the memory of this machine.",
        "Lower PIXEL_PROCESSES or PIXEL_MEMORY_BYTES.",
    ),
    Contradiction(
        lambda s: s.api.open and bool(s.api.trusted_proxies),
        "The API is open to all callers, behind a proxy that lets them in.",
        "Set API_OPEN=false and make keys: product-images keys create.",
    ),
)


def check_settings(system: System) -> Finding:
    """Whether settings contradict each other, as this environment has them."""
    found = [each for each in CONTRADICTIONS if each.holds(system.settings)]
    if not found:
        return ok("No settings contradict each other.")
    return Finding(
        Level.WARNING,
        " ".join(each.detail for each in found),
        " ".join(each.advice for each in found),
    )
