"""What a worker process opens once and every run uses: connections, pixel processes, threads.

Prefect finds flows by their module, so the one open workshop of the process is kept here.
"""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import ParamSpec, TypeVar

from infra.db.engine import Database
from infra.fetch.fetcher import Fetcher
from infra.objectstore import ObjectStore
from infra.settings import (
    AssetSettings,
    BrokerSettings,
    DatabaseSettings,
    DispatchSettings,
    FetchSettings,
    JobSettings,
    PixelSettings,
    PrefectSettings,
    PresetSettings,
    ReprocessSettings,
    StoreSettings,
    WorkerSettings,
)
from tasks.fetch import ImageSource
from tasks.imaging.catalogue import Presets, packaged_presets
from tasks.pixels import PixelPool
from tasks.presets import read_presets

P = ParamSpec("P")
T = TypeVar("T")

_UPLOADS = 16
_DUTIES = 4


@dataclass(frozen=True, slots=True)
class WorkerConfiguration:
    """All settings sections of the worker process, and the presets that it makes."""

    assets: AssetSettings
    broker: BrokerSettings
    database: DatabaseSettings
    dispatch: DispatchSettings
    fetch: FetchSettings
    job: JobSettings
    pixels: PixelSettings
    prefect: PrefectSettings
    store: StoreSettings
    worker: WorkerSettings
    presets: Presets = field(default_factory=packaged_presets)
    reprocess: ReprocessSettings = field(default_factory=ReprocessSettings.load)

    @classmethod
    def load(cls) -> "WorkerConfiguration":
        """Read the environment; raise `SettingsError` naming what is wrong."""
        return cls(
            assets=AssetSettings.load(),
            broker=BrokerSettings.load(),
            database=DatabaseSettings.load(),
            dispatch=DispatchSettings.load(),
            fetch=FetchSettings.load(),
            job=JobSettings.load(),
            pixels=PixelSettings.load(),
            prefect=PrefectSettings.load(),
            store=StoreSettings.load(),
            worker=WorkerSettings.load(),
            presets=read_presets(PresetSettings.load()),
            reprocess=ReprocessSettings.load(),
        )


class Workshop:
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
        self.fetch_threads = ThreadPoolExecutor(
            configuration.fetch.threads, thread_name_prefix="fetch"
        )
        self.io_threads = ThreadPoolExecutor(
            configuration.database.pool_size, thread_name_prefix="io"
        )
        self.store_threads = ThreadPoolExecutor(_UPLOADS, thread_name_prefix="store")
        # For leases and probes, which must not wait behind work that waits for a silent part.
        self.duty_threads = ThreadPoolExecutor(_DUTIES, thread_name_prefix="duty")

    def close(self) -> None:
        """Stop taking work; what runs in a thread ends by its own time-out."""
        self.fetch_threads.shutdown(wait=False, cancel_futures=True)
        self.io_threads.shutdown(wait=False, cancel_futures=True)
        self.store_threads.shutdown(wait=False, cancel_futures=True)
        self.duty_threads.shutdown(wait=False, cancel_futures=True)


async def in_thread(
    pool: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run blocking work in a bounded pool, with the caller's context (and so Prefect's)."""
    call = partial(copy_context().run, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(pool, call)


_open: list[Workshop] = []


@contextmanager
def open_workshop(configuration: WorkerConfiguration) -> Iterator[Workshop]:
    """Open the process's workshop. The pixel processes are warm when this returns."""
    with ExitStack() as stack:
        pixels = stack.enter_context(PixelPool(configuration.pixels))
        pool_size = configuration.database.pool_size + _DUTIES
        database = stack.enter_context(
            Database(configuration.database.model_copy(update={"pool_size": pool_size}))
        )
        store = stack.enter_context(ObjectStore(configuration.store))
        fetcher = stack.enter_context(Fetcher(configuration.fetch))
        workshop = Workshop(
            configuration,
            database=database,
            store=store,
            source=ImageSource(fetcher, store),
            pixels=pixels,
        )
        stack.callback(workshop.close)
        _open.append(workshop)
        stack.callback(_open.remove, workshop)
        yield workshop


def current_workshop() -> Workshop:
    """Return the open workshop of this process."""
    if not _open:
        raise RuntimeError("No workshop is open: flows of this project run in `flows.worker`.")
    return _open[-1]
