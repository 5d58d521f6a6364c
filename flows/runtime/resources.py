"""What a worker process opens once and every run uses: connections, pixel processes, threads.

Prefect finds flows by their module, so the one open worker's resources of the process is kept here.
"""

import asyncio
from asyncio import Semaphore
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

import structlog

from flows.runtime.metrics import WorkerMetrics
from infra.cache import Cache
from infra.contract.states import Lane
from infra.db.engine import Database
from infra.fetch.fetcher import Fetcher
from infra.host_limits.limiter import HostLimiter
from infra.host_limits.policy import HostPolicy
from infra.objectstore import ObjectStore
from infra.settings.sections import (
    AssetSettings,
    BrokerSettings,
    BulkSettings,
    CacheSettings,
    DatabaseSettings,
    DecoderSettings,
    DispatchSettings,
    FailureAlarmSettings,
    FetchSettings,
    JobSettings,
    OptionalCacheSettings,
    PixelSettings,
    PrefectSettings,
    PresetSettings,
    QueueSettings,
    ReprocessSettings,
    RequestSettings,
    StoreSettings,
    WorkerSettings,
    WorkerTimings,
)
from tasks.imaging.presets.catalogue import Presets, packaged_presets
from tasks.pixels.cpus import usable_cpus
from tasks.pixels.decoder_check import read_decoders
from tasks.pixels.pool import PixelPool
from tasks.presets import read_presets
from tasks.steps.fetch import ImageSource
from tasks.steps.url_flights import UrlFlights

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_UPLOADS = 16
_BULK_UPLOADS = 8
_DUTIES = 3
_PROBES = 24  # many may hang in a part that is away
_LEASE_CONNECTION = {"pool_size": 1, "connect_timeout_seconds": 3, "statement_timeout_seconds": 3}


@dataclass(frozen=True, slots=True)
class WorkerConfiguration:
    """All settings sections of the worker process, and the presets that it makes."""

    assets: AssetSettings
    broker: BrokerSettings
    bulk: BulkSettings
    database: DatabaseSettings
    dispatch: DispatchSettings
    fetch: FetchSettings
    job: JobSettings
    pixels: PixelSettings
    prefect: PrefectSettings
    queue: QueueSettings
    store: StoreSettings
    worker: WorkerSettings
    cache: OptionalCacheSettings
    decoders: DecoderSettings
    failure_alarm: FailureAlarmSettings
    reprocess: ReprocessSettings
    requests: RequestSettings
    timings: WorkerTimings
    presets: Presets = field(default_factory=packaged_presets)

    @classmethod
    def load(cls) -> "WorkerConfiguration":
        """Read the environment; raise `SettingsError` naming what is wrong."""
        return cls(
            assets=AssetSettings.load(),
            broker=BrokerSettings.load(),
            cache=OptionalCacheSettings.load(),
            bulk=BulkSettings.load(),
            database=DatabaseSettings.load(),
            dispatch=DispatchSettings.load(),
            fetch=FetchSettings.load(),
            job=JobSettings.load(),
            pixels=PixelSettings.load(),
            prefect=PrefectSettings.load(),
            queue=QueueSettings.load(),
            store=StoreSettings.load(),
            worker=WorkerSettings.load(),
            presets=read_presets(PresetSettings.load()),
            decoders=read_decoders(DecoderSettings.load()),
            failure_alarm=FailureAlarmSettings.load(),
            reprocess=ReprocessSettings.load(),
            requests=RequestSettings.load(),
            timings=WorkerTimings.load(),
        )


@dataclass(frozen=True, slots=True)
class LaneThreads:
    """The threads that jobs of one lane work in: what one lane waits for holds up no other."""

    fetch: ThreadPoolExecutor
    io: ThreadPoolExecutor
    store: ThreadPoolExecutor

    def shutdown(self) -> None:
        """Take no more work."""
        for pool in (self.fetch, self.io, self.store):
            pool.shutdown(wait=False, cancel_futures=True)


def io_threads(lane: Lane, database: DatabaseSettings) -> int:
    """Return how many threads of a lane may have a connection: duties and leases keep theirs.

    Bulk has a third of the others.

    In a pool of fewer than six connections some of them wait for each other.
    """
    free = max(2, database.pool_size - _DUTIES - 1)
    bulk = max(1, free // 3)
    return bulk if lane is Lane.BULK else free - bulk


def _threads(configuration: WorkerConfiguration, lane: Lane) -> LaneThreads:
    is_bulk = lane is Lane.BULK
    name = "bulk-" if is_bulk else ""
    io = io_threads(lane, configuration.database)
    return LaneThreads(
        fetch=ThreadPoolExecutor(configuration.fetch.threads, thread_name_prefix=f"{name}fetch"),
        io=ThreadPoolExecutor(io, thread_name_prefix=f"{name}io"),
        store=ThreadPoolExecutor(
            _BULK_UPLOADS if is_bulk else _UPLOADS, thread_name_prefix=f"{name}store"
        ),
    )


class WorkerResources:
    """Open connections and pools. A plain class: Prefect leaves it alone as a parameter."""

    def __init__(
        self,
        configuration: WorkerConfiguration,
        *,
        database: Database,
        store: ObjectStore,
        source: ImageSource,
        pixels: PixelPool,
    ) -> None:
        self.configuration = configuration
        self.database = database
        self.store = store
        self.source = source
        self.pixels = pixels
        self.metrics = WorkerMetrics()
        self.hosts: HostLimiter | None = None
        """What is known of source hosts, for the metrics."""
        self.threads: Mapping[Lane, LaneThreads] = {
            lane: _threads(configuration, lane) for lane in Lane
        }
        self.bulk_slot_count = configuration.worker.bulk_slots or usable_cpus() + 2
        self.bulk_slots = Semaphore(self.bulk_slot_count)
        """Jobs of all chunks at the same time: enough that the pixel processes have work."""
        # For duties, which must not wait behind work that waits for a silent part.
        self.duty_threads = ThreadPoolExecutor(_DUTIES, thread_name_prefix="duty")
        self.probe_threads = ThreadPoolExecutor(_PROBES, thread_name_prefix="probe")
        self.lease_thread = ThreadPoolExecutor(1, thread_name_prefix="lease")
        self.lease_database = database
        """For renewals. `open_worker_resources` gives them a connection of their own."""
        self.url_flights = UrlFlights(None)
        """`open_worker_resources` has them shared by all workers."""

    @property
    def io_threads(self) -> ThreadPoolExecutor:
        """For everything about rows that is not a step of a bulk job."""
        return self.threads[Lane.INTERACTIVE].io

    async def db(
        self, function: Callable[Concatenate[Database, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a use case on the database, in a thread for rows. Raises what it raises."""
        return await in_thread(self.io_threads, function, self.database, *args, **kwargs)

    async def bulk_db(
        self, function: Callable[Concatenate[Database, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a use case like `db`, in a thread of the bulk lane."""
        return await in_thread(self.threads[Lane.BULK].io, function, self.database, *args, **kwargs)

    def close(self) -> None:
        """Stop taking work; what runs in a thread ends by its own time-out."""
        for threads in self.threads.values():
            threads.shutdown()
        for pool in (self.duty_threads, self.probe_threads, self.lease_thread):
            pool.shutdown(wait=False, cancel_futures=True)


async def in_thread(
    pool: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run blocking work in a bounded pool, with the caller's context (and so Prefect's)."""
    call = partial(copy_context().run, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(pool, call)


_open: list[WorkerResources] = []


@contextmanager
def open_worker_resources(configuration: WorkerConfiguration) -> Iterator[WorkerResources]:
    """Open the process's resources. The pixel processes are warm when this returns."""
    with ExitStack() as stack:
        pixels = stack.enter_context(
            PixelPool(
                configuration.pixels,
                configuration.decoders,
                directory=configuration.worker.directory,
            )
        )
        _tell_confinement(pixels)
        database, lease_database = _open_databases(configuration.database, stack)
        store = stack.enter_context(ObjectStore(configuration.store))
        cache = _cache(configuration, stack)
        hosts = HostLimiter(HostPolicy.of(configuration.fetch), cache)
        fetcher = stack.enter_context(Fetcher(configuration.fetch, hosts=hosts))
        resources = WorkerResources(
            configuration,
            database=database,
            store=store,
            source=ImageSource(fetcher, store),
            pixels=pixels,
        )
        resources.lease_database = lease_database
        resources.url_flights = UrlFlights(cache)
        resources.hosts = hosts
        stack.callback(resources.close)
        _open.append(resources)
        stack.callback(_open.remove, resources)
        yield resources


def _open_databases(settings: DatabaseSettings, stack: ExitStack) -> tuple[Database, Database]:
    """Open the pool for work, and the connection for leases, which counts as one of the pool's."""
    if settings.pool_size == 1:
        database = stack.enter_context(Database(settings))
        return database, database
    work = settings.model_copy(update={"pool_size": settings.pool_size - 1})
    database = stack.enter_context(Database(work))
    leases = Database(settings.model_copy(update=_LEASE_CONNECTION))
    return database, stack.enter_context(leases)


def _tell_confinement(pixels: PixelPool) -> None:
    """Log what holds in an image that takes its process over, and what this system lacks."""
    measures = pixels.confinement
    # A user of their own is for root to give: everywhere else they have the worker's.
    holds = all(holds for name, holds in measures.items() if name != "own_user")
    tell = log.info if holds else log.warning
    tell("pixel processes confined", **measures)


def _cache(configuration: WorkerConfiguration, stack: ExitStack) -> Cache | None:
    """Open the cache, where workers share what they know of hosts; without one each is alone."""
    url = configuration.cache.url
    if url is None:
        return None
    settings = CacheSettings(url=url, timeout_seconds=configuration.cache.timeout_seconds)
    return stack.enter_context(Cache(settings))


def worker_resources() -> WorkerResources:
    """Return the open worker's resources of this process."""
    if not _open:
        raise RuntimeError("No resources are open: flows of this project run in `flows.worker`.")
    return _open[-1]
