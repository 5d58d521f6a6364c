"""What the API process opens once and every request uses."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import get_type_hints

import structlog

from api.auth.known_keys import KnownKeys
from api.auth.session import Sessions
from api.background.decoder_probe import DecoderProbe
from api.background.dispatcher import Dispatcher
from api.background.probes import DATABASE, Probe, Probes
from api.background.try_outs import TryOuts
from api.background.webhook_worker import WebhookWorker
from api.events.job_watcher import JobWatcher
from api.events.places import Places
from api.events.shared_reading import SharedReading
from api.schemas.product_responses import rendering, shape
from api.schemas.submissions import UrlRules
from infra.broker.rabbitmq import RabbitPublisher
from infra.broker.rabbitmq import probe as probe_broker
from infra.cache import Cache
from infra.contract.deployments import DEPLOYMENTS
from infra.db.engine import Database
from infra.host_limits.policy import HostPolicy
from infra.host_limits.redis_limits import RedisHostLimits
from infra.http import probe_deployments, probe_prefect
from infra.objectstore import ObjectStore
from infra.product_cache import ProductCache
from infra.settings.sections import (
    ApiSettings,
    AssetSettings,
    BrokerSettings,
    CacheSettings,
    ConsoleSettings,
    DatabaseSettings,
    DecoderSettings,
    DispatchSettings,
    FetchSettings,
    ImportSettings,
    PrefectSettings,
    PresetSettings,
    QueueSettings,
    StoreSettings,
    WebhookSettings,
)
from infra.webhooks.sender import WebhookSender
from tasks.imaging.presets.catalogue import Presets, packaged_presets
from tasks.overview import Overview, read_overview
from tasks.presets import read_presets
from tasks.products.cached import CachedProducts
from tasks.reports.failures import Failures, read_failures
from tasks.submission.queue_limit import QueueBound

log = structlog.get_logger(__name__)

_CONNECTIONS_BESIDE_REQUESTS = 4  # the dispatcher, the webhook worker, the watcher and the probe


@dataclass(frozen=True, slots=True)
class ApiConfiguration:
    """All settings sections of the API process, and the presets that it offers."""

    api: ApiSettings
    assets: AssetSettings
    broker: BrokerSettings
    cache: CacheSettings
    console: ConsoleSettings
    database: DatabaseSettings
    dispatch: DispatchSettings
    queue: QueueSettings
    prefect: PrefectSettings
    store: StoreSettings
    imports: ImportSettings
    fetch: FetchSettings
    webhooks: WebhookSettings
    decoders: DecoderSettings
    presets: Presets = field(default_factory=packaged_presets)

    @classmethod
    def load(cls) -> "ApiConfiguration":
        """Read the environment; raise `SettingsError` naming what is wrong."""
        kinds = {name: kind for name, kind in get_type_hints(cls).items() if name != "presets"}
        sections = {name: kind.load() for name, kind in kinds.items()}
        return cls(**sections, presets=read_presets(PresetSettings.load()))


@dataclass(frozen=True, slots=True)
class ApiResources:
    """Open connections, shared by all requests."""

    configuration: ApiConfiguration
    database: Database
    store: ObjectStore
    cache: Cache
    dispatcher: Dispatcher
    host_limits: RedisHostLimits
    job_watcher: JobWatcher
    places: Places
    overview: SharedReading[Overview]
    failures: SharedReading[Failures]
    try_outs: TryOuts
    known_keys: KnownKeys
    sessions: Sessions
    probes: Probes
    products: CachedProducts
    product_shape: str
    queue_bound: QueueBound
    url_rules: UrlRules


@contextmanager
def open_resources(configuration: ApiConfiguration) -> Iterator[ApiResources]:
    """Open everything; nothing connects before it is needed."""
    threads = configuration.api.threads + configuration.webhooks.threads
    wanted = threads + _CONNECTIONS_BESIDE_REQUESTS
    if configuration.database.pool_size < wanted:
        log.warning(
            "threads have to wait for connections: raise DATABASE_POOL_SIZE",
            pool_size=configuration.database.pool_size,
            wanted=wanted,
        )
    with ExitStack() as stack:
        database = stack.enter_context(Database(configuration.database))
        store = stack.enter_context(ObjectStore(configuration.store))
        cache = stack.enter_context(Cache(configuration.cache))
        publisher = RabbitPublisher(configuration.broker)
        dispatcher = stack.enter_context(Dispatcher(database, publisher, configuration.dispatch))
        sender = WebhookSender(configuration.fetch, configuration.webhooks)
        stack.enter_context(WebhookWorker(database, sender.send, configuration.webhooks))
        stack.enter_context(sender)  # left first: what is under way ends, and is given back
        places = Places(
            most=configuration.api.events_listeners,
            most_per_caller=configuration.api.events_listeners_per_key,
        )
        watcher = JobWatcher(database, places)
        hosts = RedisHostLimits(cache, HostPolicy.of(configuration.fetch))
        known_keys = KnownKeys()

        probes = _probes(
            configuration, database=database, store=store, cache=cache, known_keys=known_keys
        )
        stack.enter_context(probes)
        assets = configuration.assets.public_asset_url
        written = shape(assets)
        kept = ProductCache(cache, written, secret=configuration.store.secret_key)
        products = CachedProducts(database, kept, rendering(assets))
        yield ApiResources(
            configuration=configuration,
            database=database,
            store=store,
            cache=cache,
            dispatcher=dispatcher,
            host_limits=hosts,
            job_watcher=watcher,
            places=places,
            overview=SharedReading(lambda: read_overview(database, hosts)),
            failures=SharedReading(lambda: read_failures(database)),
            try_outs=TryOuts(configuration.api.try_outs),
            known_keys=known_keys,
            sessions=Sessions(configuration.console, configuration.store),
            probes=probes,
            products=products,
            product_shape=written,
            queue_bound=QueueBound(configuration.queue.max_queued),
            url_rules=UrlRules.of(configuration.api, configuration.fetch),
        )


def _probes(
    configuration: ApiConfiguration,
    *,
    database: Database,
    store: ObjectStore,
    cache: Cache,
    known_keys: KnownKeys,
) -> Probes:
    """Name the parts that `/readyz` tells of, and how each is asked."""
    prefect = configuration.prefect

    def probe_database() -> None:
        database.require_schema()
        known_keys.look_for_keys(database)  # who may read the details: here waiting is free

    def probe_deployed() -> None:
        probe_deployments(prefect.api_url, DEPLOYMENTS, prefect.api_auth_string)

    return Probes(
        (
            Probe(DATABASE, probe_database),
            Probe("broker", lambda: probe_broker(configuration.broker)),
            Probe("store", store.probe_writes),
            Probe("cache", cache.probe),
            Probe("prefect", lambda: probe_prefect(prefect.api_url)),
            Probe("deployments", probe_deployed),
            Probe("decoders", DecoderProbe(configuration.decoders).ask),
        ),
        every_seconds=configuration.api.ready_probe_seconds,
    )
