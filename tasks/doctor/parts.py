"""The parts themselves: schema, clocks, broker, cache, connections, decoders, disk."""

import shutil
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from sqlalchemy import func, select, text

from infra.broker.rabbitmq import declare_again, find_differences, find_unroutable, read_depths
from infra.cache import Cache
from infra.contract.errors import ServiceUnavailable
from infra.db.schema import SchemaAge, compare_schema
from infra.http import PrefectApi
from infra.settings.sections import CacheSettings
from tasks.doctor.finding import Finding, Level, System, ok
from tasks.imaging.decode.decoder_versions import problems

_SKEW_SECONDS = 5.0
_BROKEN_SKEW_SECONDS = 60.0  # stores refuse requests that are signed 15 minutes off
_GIB = 1024**3
_FREE_SHARE, _FREE_BYTES = 0.1, 2 * _GIB
_LEAST_FREE_BYTES = _GIB // 4


def check_schema(system: System) -> Finding:
    """Whether the database has the tables of this version."""
    with system.database.transaction() as session:
        age, applied = compare_schema(session)
    if age is SchemaAge.CURRENT:
        return ok(f"The schema is at revision {applied}.")
    if age is SchemaAge.NEWER:
        detail = f"The schema is at revision {applied}, which a later version has made."
        return Finding(Level.WARNING, detail, "Upgrade this installation, too.")
    detail = f"The schema is at revision {applied or 'none'}, older than this version."
    return Finding(Level.BROKEN, detail, "Run: product-images migrate.")


def check_clocks(system: System) -> Finding:
    """Whether the clocks of this machine, PostgreSQL and Prefect agree."""
    begun = datetime.now(UTC)
    with system.database.transaction() as session:
        told: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    skews = {"PostgreSQL": _skew(begun, told)}
    settings = system.settings.prefect
    prefect = PrefectApi(settings.api_url, settings.api_auth_string)
    begun = datetime.now(UTC)
    date = prefect.date()
    if date is not None:
        # The header field has whole seconds.
        skews["Prefect"] = max(0.0, _skew(begun, parsedate_to_datetime(date)) - 1)
    worst = max(skews.values())
    detail = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in skews.items())
    if worst <= _SKEW_SECONDS:
        return ok(f"Apart from this machine: {detail}.")
    level = Level.BROKEN if worst > _BROKEN_SKEW_SECONDS else Level.WARNING
    return Finding(level, f"The clocks differ: {detail}.", "Set them by NTP on all machines.")


def check_queues(system: System) -> Finding:
    """Whether exchanges, queues and bindings are as declared, and messages arrive."""
    broker = system.settings.broker
    wrong = find_differences(broker)
    if not wrong:
        wrong = find_unroutable(broker)
    if not wrong:
        return ok("As declared; a message on each lane arrives.")
    detail = " ".join(wrong)
    if not system.repair:
        return Finding(Level.BROKEN, detail, "Use --repair to declare what is missing.")
    try:
        declare_again(broker)
    except ServiceUnavailable as exc:  # something is there in another form
        return Finding(Level.BROKEN, detail, exc.detail)
    if left := find_unroutable(broker):
        advice = "Look for a policy with a limit on these queues: rabbitmqctl list_policies."
        return Finding(Level.BROKEN, " ".join(left), advice)
    return Finding(Level.OK, detail, repaired="All were declared again, and messages arrive.")


def check_dead_letters(system: System) -> Finding:
    """Whether messages were put aside because no worker could read them."""
    count = read_depths(system.settings.broker).dead_letters
    if not count:
        return ok("There are none.")
    detail = f"{count} messages that no worker could read."
    return Finding(
        Level.WARNING, detail, "See product-images dead list, then replay or purge them."
    )


def check_cache(system: System) -> Finding:
    """Whether Redis answers; without it everything works, and more slowly."""
    settings = system.settings.cache
    if settings.url is None:
        return Finding(Level.WARNING, "REDIS_URL is not set.", "Each worker limits hosts alone.")
    with Cache(CacheSettings(url=settings.url, timeout_seconds=settings.timeout_seconds)) as cache:
        cache.probe()
    return ok("Redis answers.")


def check_decoders(system: System) -> Finding:
    """Whether the native decoders of this installation are at or above their floors."""
    if found := problems(heic=system.settings.decoders.heic_enabled):
        return Finding(Level.BROKEN, " ".join(found), "Workers refuse to start until then.")
    return ok("All are at or above their floors.")


def check_disk(system: System) -> Finding:
    """Whether there is room where this machine's worker keeps the files of running jobs."""
    folder = system.settings.worker.directory
    if not folder.is_dir():
        return Finding(Level.WARNING, f"{folder} does not exist.", "Set WORKER_DIRECTORY.")
    usage = shutil.disk_usage(folder)
    detail = f"{usage.free / _GIB:.1f} of {usage.total / _GIB:.1f} GiB are free at {folder}."
    if usage.free < _LEAST_FREE_BYTES:
        return Finding(Level.BROKEN, detail, "Make room: jobs fail there without it.")
    if usage.free < _FREE_BYTES and usage.free < _FREE_SHARE * usage.total:
        return Finding(Level.WARNING, detail, "Make room soon.")
    return ok(detail)


def check_connections(system: System) -> Finding:
    """Whether PostgreSQL has connections left for another process."""
    pool = system.settings.database.pool_size
    with system.database.transaction() as session:
        most = int(session.execute(text("SHOW max_connections")).scalar_one())
        used = int(session.execute(text("SELECT count(*) FROM pg_stat_activity")).scalar_one())
    detail = f"{used} of {most} connections are open; a process of ours opens up to {pool}."
    if used + pool > most:
        advice = "Raise max_connections, or lower DATABASE_POOL_SIZE or the number of workers."
        return Finding(Level.WARNING, detail, advice)
    return ok(detail)


def _skew(begun: datetime, told: datetime) -> float:
    """Return the seconds by which a clock differs, without those that the answer took."""
    if begun <= told <= datetime.now(UTC):
        return 0.0
    return min(abs((told - begun).total_seconds()), abs((told - datetime.now(UTC)).total_seconds()))
