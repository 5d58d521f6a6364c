"""What the API process opens once and every request uses."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from api.dispatcher import Dispatcher
from infra.broker.rabbitmq import RabbitPublisher
from infra.cache import Cache
from infra.db.engine import Database
from infra.objectstore import ObjectStore
from infra.settings import (
    ApiSettings,
    AssetSettings,
    BrokerSettings,
    CacheSettings,
    DatabaseSettings,
    DispatchSettings,
    PrefectSettings,
    PresetSettings,
    StoreSettings,
)
from tasks.imaging.catalogue import Presets, packaged_presets
from tasks.presets import read_presets

_CONNECTIONS_BESIDE_REQUESTS = 2  # the dispatcher and one to spare


@dataclass(frozen=True, slots=True)
class ApiConfiguration:
    """All settings sections of the API process, and the presets that it offers."""

    api: ApiSettings
    assets: AssetSettings
    broker: BrokerSettings
    cache: CacheSettings
    database: DatabaseSettings
    dispatch: DispatchSettings
    prefect: PrefectSettings
    store: StoreSettings
    presets: Presets = field(default_factory=packaged_presets)

    @classmethod
    def load(cls) -> "ApiConfiguration":
        """Read the environment; raise `SettingsError` naming what is wrong."""
        return cls(
            api=ApiSettings.load(),
            assets=AssetSettings.load(),
            broker=BrokerSettings.load(),
            cache=CacheSettings.load(),
            database=DatabaseSettings.load(),
            dispatch=DispatchSettings.load(),
            prefect=PrefectSettings.load(),
            store=StoreSettings.load(),
            presets=read_presets(PresetSettings.load()),
        )


@dataclass(frozen=True, slots=True)
class ApiResources:
    """Open connections, shared by all requests."""

    configuration: ApiConfiguration
    database: Database
    store: ObjectStore
    cache: Cache
    dispatcher: Dispatcher


@contextmanager
def open_resources(configuration: ApiConfiguration) -> Iterator[ApiResources]:
    """Open everything; nothing connects before it is needed."""
    connections = configuration.api.threads + _CONNECTIONS_BESIDE_REQUESTS
    pool_size = max(configuration.database.pool_size, connections)
    with ExitStack() as stack:
        database = stack.enter_context(
            Database(configuration.database.model_copy(update={"pool_size": pool_size}))
        )
        store = stack.enter_context(ObjectStore(configuration.store))
        cache = stack.enter_context(Cache(configuration.cache))
        publisher = RabbitPublisher(configuration.broker)
        dispatcher = stack.enter_context(Dispatcher(database, publisher, configuration.dispatch))
        yield ApiResources(configuration, database, store, cache, dispatcher)
