"""A worker's life: wait for its parts, open, announce, work, and on a signal finish or give back.

Everything that runs in the event loop is put together here.
"""

import gc
import signal
from collections.abc import Iterator
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager, suppress
from functools import partial
from threading import Event, Thread

import structlog

from flows.bridge import Bridge
from flows.bulk_labels import batches_pool
from flows.cancelling import Cancelling
from flows.chunk_bench import ChunkBench
from flows.chunk_bridge import ChunkBridge
from flows.coordinators import Coordinators
from flows.desk import Desk, install_desk
from flows.flow_runs import FlowRuns
from flows.gate import Gate, Obstacle
from flows.health import Health
from flows.listening import CANCELLED, SCHEDULED, Hear, listen
from flows.polled_chunks import PolledChunks
from flows.polled_runs import PolledRuns
from flows.polling import Polling
from flows.reaper import Reaper
from flows.runner import WarmRunner
from flows.through_pool import ThroughPool
from flows.traffic import Traffic
from flows.workbench import Workbench
from flows.workshop import WorkerConfiguration, Workshop, open_workshop
from infra.broker.broker import Delivery, Prefetch
from infra.broker.rabbitmq import RabbitConsumer
from infra.errors import ErrorCode, ServiceUnavailable, Stopped
from infra.http import probe_prefect
from infra.logs import configure_logs
from infra.settings import SettingsError
from infra.waiting import wait_for
from tasks.reprocess.targets import register_policies

log = structlog.get_logger(__name__)

_BULK_PREFETCH = 2  # while the last jobs of one chunk end, those of the next begin
_BATCHES_AT_ONCE = 100
_CONNECT_SECONDS = 1.0
_PATIENCE_SECONDS = 10.0  # for runs that were told to end, to say so to Prefect


class Crew:
    """Whoever works in the event loop of one worker, knowing each other."""

    def __init__(self, workshop: Workshop, runner: WarmRunner, consumer: RabbitConsumer) -> None:
        prefect = workshop.configuration.prefect
        gate = Gate(consumer.pause, consumer.resume)
        health = Health(workshop, gate)
        self.desk = Desk(workshop, gate, FlowRuns(runner.client, prefect.work_pool))
        traffic = Traffic(runner.client, prefect.work_pool, gate=gate, health=health)
        self._polling = polling = Polling(
            prefect.work_pool, self.desk.owner, workshop.configuration.worker.slots
        )
        workbench = Workbench(self.desk, health)
        bench = ChunkBench(self.desk, health, workbench)
        self.coordinators = coordinators = Coordinators(self.desk)
        polled_runs = PolledRuns(
            self.desk,
            workbench,
            chunks=PolledChunks(self.desk, bench),
            coordinators=coordinators,
        )
        cancelling = Cancelling(self.desk, polled_runs, coordinators)
        through_pool = ThroughPool(self.desk, health, traffic, nudge=polling.nudge)
        chunks = ChunkBridge(self.desk, bench, traffic=traffic, through_pool=through_pool)
        self.bridge = Bridge(
            self.desk, workbench, traffic=traffic, through_pool=through_pool, chunks=chunks
        )
        self._batches = batches = Polling(
            batches_pool(prefect.work_pool), self.desk.owner, _BATCHES_AT_ONCE
        )
        hearers = _hearers(cancelling.hear, lambda _: _nudge(polling, batches))
        self._duties = (
            self.desk.attempts.run,
            self.desk.chunks.run,
            coordinators.run,
            health.run,
            traffic.run,
            partial(polling.run, polled_runs, traffic),
            partial(batches.run, polled_runs, None),
            partial(listen, hearers),
            cancelling.look,
            Reaper(self.desk, runner.client, polled_runs).run,
        )

    def begin(self, runner: WarmRunner) -> None:
        """Start the standing duties."""
        install_desk(self.desk)
        for duty in self._duties:
            runner.spawn(duty)

    async def leave(self, grace_seconds: float) -> None:
        """Take no more work, finish what can be finished, give back the rest."""
        self.desk.gate.close(Obstacle.LEAVING)
        self.bridge.send_back_waiting()
        await self.desk.attempts.leave(grace_seconds, _PATIENCE_SECONDS)
        await self.desk.chunks.leave(_PATIENCE_SECONDS)
        await self.coordinators.leave(_PATIENCE_SECONDS)
        await self._polling.sign_off()
        await self._batches.sign_off()


def _hearers(cancelled: Hear, scheduled: Hear) -> dict[str, Hear]:
    return {**dict.fromkeys(CANCELLED, cancelled), **dict.fromkeys(SCHEDULED, scheduled)}


async def _nudge(*pools: Polling) -> None:
    for polling in pools:
        await polling.nudge()


def run_shift() -> int:
    """Work until a signal arrives; return the exit status."""
    configure_logs()
    try:
        configuration = WorkerConfiguration.load()
    except SettingsError as exc:
        log.error("worker not started", reason=str(exc))  # noqa: TRY400 - a sentence is enough
        return 2
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with open_workshop(configuration) as workshop, suppress(Stopped):
        _wait_for_parts(workshop, stop)
        register_policies(workshop.database, configuration.presets)
        _spare_the_collector()
        _work(workshop, stop)
    log.info("worker stopped")
    return 0


def _spare_the_collector() -> None:
    """Have Python's garbage collector leave out what was imported: it stays to the end."""
    gc.collect()
    gc.freeze()


def _wait_for_parts(workshop: Workshop, stop: Event) -> None:
    """Wait for the parts that every job needs; raise `Stopped` when a signal came first."""
    api_url = workshop.configuration.prefect.api_url
    wait_for("PostgreSQL", workshop.database.require_schema, stop=stop)
    wait_for("the object store", workshop.store.probe, stop=stop)
    wait_for("Prefect", lambda: probe_prefect(api_url), stop=stop)


def _work(workshop: Workshop, stop: Event) -> None:
    configuration = workshop.configuration
    slots = configuration.worker.slots
    consumer = RabbitConsumer(
        configuration.broker, Prefetch(interactive=slots, bulk=_BULK_PREFETCH)
    )
    with WarmRunner() as runner:
        crew = Crew(workshop, runner, consumer)
        crew.begin(runner)
        with _consuming(consumer, runner, crew, stop=stop):
            try:
                wait_for("RabbitMQ", partial(_require_connection, consumer), stop=stop)
                with _ready(configuration):
                    log.info("worker started", owner=crew.desk.owner, slots=slots)
                    stop.wait()
            finally:
                log.info("worker stopping")
                _leave(runner, crew, configuration.worker.shutdown_grace_seconds)


def _require_connection(consumer: RabbitConsumer) -> None:
    if not consumer.wait_until_connected(_CONNECT_SECONDS):
        raise ServiceUnavailable(ErrorCode.BROKER_UNAVAILABLE, "RabbitMQ has not been reached yet.")


def _leave(runner: WarmRunner, crew: Crew, grace_seconds: float) -> None:
    limit = grace_seconds + 4 * _PATIENCE_SECONDS
    try:
        runner.call(partial(crew.leave, grace_seconds)).result(limit)
    except FutureTimeout:
        log.warning("left without waiting for everybody")


@contextmanager
def _consuming(
    consumer: RabbitConsumer, runner: WarmRunner, crew: Crew, *, stop: Event
) -> Iterator[None]:
    """Hand deliveries to the bridge; at the end, what is not settled goes back."""

    def hand_over(delivery: Delivery) -> None:
        runner.spawn(partial(crew.bridge.handle, delivery))

    def consume() -> None:
        try:
            consumer.run(hand_over)
        finally:
            stop.set()  # a consumer that ended by itself ends the worker

    thread = Thread(target=consume, name="consumer", daemon=True)
    thread.start()
    try:
        yield
    finally:
        consumer.close()
        thread.join()


@contextmanager
def _ready(configuration: WorkerConfiguration) -> Iterator[None]:
    """Announce readiness by a file, for whoever supervises this process."""
    file = configuration.worker.ready_file
    if file is not None:
        file.touch()
    try:
        yield
    finally:
        if file is not None:
            file.unlink(missing_ok=True)
