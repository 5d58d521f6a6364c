"""A worker's life: open, announce, work, and on a signal finish or give back what runs."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread

import structlog

from flows.bridge import Bridge
from flows.desk import Desk, install_desk
from flows.flow_runs import FlowRuns
from flows.polling import poll
from flows.runner import WarmRunner
from flows.workshop import WorkerConfiguration, open_workshop
from infra.broker.broker import Delivery, Prefetch
from infra.broker.rabbitmq import RabbitConsumer
from infra.logs import configure_logs
from infra.settings import SettingsError

log = structlog.get_logger(__name__)

_BULK_PREFETCH = 1
_DRAIN_MARGIN_SECONDS = 30.0  # for giving back, after the grace


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
    with open_workshop(configuration) as workshop, WarmRunner() as runner:
        desk = Desk(workshop)
        install_desk(desk)
        bridge = Bridge(desk, FlowRuns(runner.client))
        runner.spawn(desk.leases.run)
        runner.spawn(partial(poll, configuration.prefect.work_pool, desk.owner))
        with _consuming(configuration, runner, bridge, stop=stop), _ready(configuration):
            log.info("worker started", owner=desk.owner, slots=configuration.worker.slots)
            stop.wait()
            log.info("worker stopping")
    log.info("worker stopped")
    return 0


@contextmanager
def _consuming(
    configuration: WorkerConfiguration, runner: WarmRunner, bridge: Bridge, *, stop: Event
) -> Iterator[None]:
    """Hand deliveries to the bridge; at the end finish or give back what runs."""
    slots = configuration.worker.slots
    consumer = RabbitConsumer(
        configuration.broker, Prefetch(interactive=slots, bulk=_BULK_PREFETCH)
    )

    def hand_over(delivery: Delivery) -> None:
        runner.spawn(partial(bridge.handle, delivery))

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
        grace = configuration.worker.shutdown_grace_seconds
        consumer.pause()
        runner.call(partial(bridge.drain, grace)).result(grace + _DRAIN_MARGIN_SECONDS)
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
