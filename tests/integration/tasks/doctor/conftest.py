"""A system of its own for each test: empty rows, an empty bucket, and queues under a new prefix."""

from collections.abc import Iterator
from uuid import uuid4

import pika
import pytest

from infra.broker.rabbitmq import declare_again
from infra.broker.topology import Topology
from infra.db.engine import Database
from infra.objectstore import ObjectStore
from infra.settings.sections import (
    ApiSettings,
    AssetSettings,
    BrokerSettings,
    DatabaseSettings,
    DecoderSettings,
    DispatchSettings,
    FetchSettings,
    GarbageSettings,
    JobSettings,
    OptionalCacheSettings,
    PixelSettings,
    PrefectSettings,
    StoreSettings,
    WebhookSettings,
    WorkerSettings,
    WorkerTimings,
)
from infra.stack.stack import Stack
from tasks.doctor.finding import System, SystemSettings
from tasks.imaging.presets.catalogue import packaged_presets
from tests.integration.tasks.doctor.patient import Patient


@pytest.fixture
def patient(
    stack: Stack,
    database: Database,
    own_store: ObjectStore,
    own_store_settings: StoreSettings,
) -> Iterator[Patient]:
    described = stack.description
    store = own_store_settings
    settings = SystemSettings(
        api=ApiSettings.load(None),
        assets=AssetSettings(public_asset_url=f"{store.endpoint}/{store.bucket}"),
        broker=BrokerSettings(url=described.amqp_url, queue_prefix=f"doctor-{uuid4().hex[:8]}"),
        cache=OptionalCacheSettings(url=described.redis_url),
        database=DatabaseSettings(url=described.postgres_url),
        decoders=DecoderSettings.load(None),
        dispatch=DispatchSettings.load(None),
        fetch=FetchSettings.load(None),
        garbage=GarbageSettings.load(None),
        job=JobSettings.load(None),
        pixels=PixelSettings.load(None),
        prefect=PrefectSettings(api_url=described.prefect_api),
        timings=WorkerTimings.load(None),
        webhooks=WebhookSettings.load(None),
        worker=WorkerSettings.load(None),
    )
    declare_again(settings.broker)
    system = System(database, own_store, settings, packaged_presets())
    yield Patient(system)
    topology = Topology(settings.broker.queue_prefix)
    connection = pika.BlockingConnection(pika.URLParameters(settings.broker.url))
    channel = connection.channel()
    for queue in topology.queues:
        channel.queue_delete(queue.name)
    for exchange in topology.exchanges:
        channel.exchange_delete(exchange.name)
    connection.close()
