"""A worker's life: wait for its parts, open, announce, work, and on a signal finish or give back.

Everything that runs in the event loop is put together here.
"""

import gc
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager, suppress
from functools import partial
from threading import Event, Thread

import structlog

from flows.bridge.chunk_consumer import ChunkBridge
from flows.bridge.consumer import Bridge
from flows.bridge.via_work_pool import ThroughPool
from flows.control.batch_leaders import Coordinators
from flows.control.cancellation import Cancelling
from flows.control.events import CANCELLED, PAUSED, SCHEDULED, Hear, listen
from flows.control.reaper import Reaper
from flows.control.removals import Removal
from flows.control.suspensions import Suspensions
from flows.execution.chunk_executor import ChunkBench
from flows.execution.job_executor import Workbench
from flows.pool.chunk_runs import PolledChunks
from flows.pool.polling import Polling, ScheduledRuns
from flows.pool.runs import PolledRuns
from flows.runs.bulk_labels import batches_pool
from flows.runs.flow_run_client import FlowRuns
from flows.runs.run_log import tidy_run_logs
from flows.runs.worker_context import Desk, install_desk
from flows.runtime.circuit_breaker import Gate, Obstacle
from flows.runtime.dependency_monitor import Health
from flows.runtime.event_loop import WarmRunner
from flows.runtime.prefect_limits import Traffic
from flows.runtime.resources import WorkerConfiguration, Workshop, open_workshop
from flows.worker.duties import Duty, keep_up
from infra.broker.broker import Delivery, Prefetch
from infra.broker.rabbitmq import RabbitConsumer
from infra.contract.errors import ErrorCode, ServiceUnavailable, Stopped
from infra.http import probe_prefect
from infra.logs import configure_logs
from infra.settings.sections import SettingsError, forget_proxies
from infra.waiting import wait_for
from tasks.reprocess.targets import register_policies

log = structlog.get_logger(__name__)

_BULK_PREFETCH = 2  # while the last jobs of one chunk end, those of the next begin
_BATCHES_AT_ONCE = 100
_FAULT = 1
"""The exit status of a worker that must be started again."""
_CONNECT_SECONDS = 1.0
_START_PROBE_SECONDS = 10.0
_PATIENCE_SECONDS = 10.0  # for runs that were told to end, to say so to Prefect


class Crew:
    """Whoever works in the event loop of one worker, knowing each other."""

    def __init__(self, workshop: Workshop, runner: WarmRunner, consumer: RabbitConsumer) -> None:
        prefect = workshop.configuration.prefect
        gate = Gate(consumer.pause, consumer.resume)
        self.desk = Desk(workshop, gate, FlowRuns(runner.client, prefect.work_pool))
        health = Health(workshop, gate, (self.desk.pace, self.desk.bulk_pace))
        runner.observe(asked=health.note_request, answered=health.note_response)
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
        through_pool = ThroughPool(self.desk, health, traffic, wake=polling.wake)
        chunks = ChunkBridge(self.desk, bench, traffic=traffic, through_pool=through_pool)
        self.bridge = Bridge(
            self.desk, workbench, traffic=traffic, through_pool=through_pool, chunks=chunks
        )
        pool_of_batches = batches_pool(prefect.work_pool)
        self._batches = batches = Polling(pool_of_batches, self.desk.owner, _BATCHES_AT_ONCE)
        scheduled = ScheduledRuns(
            self.desk.flow_runs, {prefect.work_pool: polling, pool_of_batches: batches}
        )
        suspensions = Suspensions(self.desk)
        hearers = _hearers(cancelling.hear, scheduled.hear, suspensions.hear)
        self._duties: dict[str, Duty] = {
            "leases": self.desk.leases.run,
            "presence": self.desk.attempts.report,
            "cancel requests": self.desk.attempts.run,
            "coordinators": coordinators.run,
            "health": health.run,
            "traffic": traffic.run,
            "polling": partial(polling.run, polled_runs, traffic),
            "polling for batches": partial(batches.run, polled_runs, None),
            "polling when woken": polling.look_when_woken,
            "polling for batches when woken": batches.look_when_woken,
            "scheduled runs": scheduled.run,
            "events": partial(listen, hearers),
            "cancelling": cancelling.look,
            "suspensions": suspensions.run,
            "removal of objects": Removal(self.desk).run,
            "reaper": Reaper(self.desk, runner.client, polled_runs).run,
        }

    def begin(self, runner: WarmRunner, give_up: Callable[[str], None]) -> None:
        """Start the standing duties; `give_up` is told of one that cannot be kept up."""
        install_desk(self.desk)
        for name, duty in self._duties.items():
            runner.spawn(partial(keep_up, name, duty, give_up))

    async def leave(self, grace_seconds: float) -> None:
        """Take no more work, finish what can be finished, give back the rest."""
        self.desk.gate.close(Obstacle.LEAVING)
        self.bridge.send_back_waiting()
        await self.desk.attempts.leave(grace_seconds, _PATIENCE_SECONDS)
        await self.desk.chunks.leave(_PATIENCE_SECONDS)
        await self.coordinators.leave(_PATIENCE_SECONDS)
        await self._polling.sign_off()
        await self._batches.sign_off()


def _hearers(cancelled: Hear, scheduled: Hear, paused: Hear) -> dict[str, Hear]:
    heard = ((CANCELLED, cancelled), (SCHEDULED, scheduled), (PAUSED, paused))
    return {event: hear for events, hear in heard for event in events}


class End:
    """When the worker ends, and whether a supervisor has to start it again."""

    def __init__(self) -> None:
        self.stop = Event()
        self.status = 0

    def fail(self, reason: str) -> None:
        """End the worker because of a fault of its own. Callable from any thread."""
        if not self.stop.is_set():
            log.error("worker gives up", reason=reason)
            self.status = _FAULT
        self.stop.set()


def run_shift() -> int:
    """Work until a signal arrives; return the exit status."""
    configure_logs()
    tidy_run_logs()
    forget_proxies()
    try:
        configuration = WorkerConfiguration.load()
    except SettingsError as exc:
        log.error("worker not started", reason=str(exc))  # noqa: TRY400 - a sentence is enough
        return 2
    end = End()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.stop.set())
    try:
        with open_workshop(configuration) as workshop, suppress(Stopped):
            _wait_for_parts(workshop, end.stop)
            register_policies(workshop.database, configuration.presets)
            _spare_the_collector()
            _work(workshop, end)
    except Exception:  # the cause belongs into the log, like everything else
        log.exception("worker failed")
        end.status = _FAULT
    log.info("worker stopped", status=end.status)
    return end.status


def _spare_the_collector() -> None:
    """Have Python's garbage collector leave out what was imported: it stays to the end."""
    gc.collect()
    gc.freeze()


def _wait_for_parts(workshop: Workshop, stop: Event) -> None:
    """Wait for the parts that every job needs; raise `Stopped` when a signal came first."""
    api_url = workshop.configuration.prefect.api_url
    wait_for("PostgreSQL", workshop.database.require_schema, stop=stop)
    wait_for("the object store", workshop.store.probe, stop=stop)
    patient = partial(probe_prefect, api_url, timeout_seconds=_START_PROBE_SECONDS)
    wait_for("Prefect", patient, stop=stop)


def _work(workshop: Workshop, end: End) -> None:
    configuration = workshop.configuration
    slots = configuration.worker.slots
    consumer = RabbitConsumer(
        configuration.broker, Prefetch(interactive=slots, bulk=_BULK_PREFETCH)
    )
    with WarmRunner(end.fail) as runner:
        crew = Crew(workshop, runner, consumer)
        crew.begin(runner, end.fail)
        with _consuming(consumer, runner, crew, end=end):
            try:
                wait_for("RabbitMQ", partial(_require_connection, consumer), stop=end.stop)
                with _ready(configuration):
                    log.info("worker started", owner=crew.desk.owner, slots=slots)
                    end.stop.wait()
            finally:
                log.info("worker stopping")
                _leave(runner, crew, configuration.worker.shutdown_grace_seconds)


def _require_connection(consumer: RabbitConsumer) -> None:
    if not consumer.wait_until_connected(_CONNECT_SECONDS):
        raise ServiceUnavailable(ErrorCode.BROKER_UNAVAILABLE, "RabbitMQ has not been reached yet.")


def _leave(runner: WarmRunner, crew: Crew, grace_seconds: float) -> None:
    if not runner.is_alive:
        return  # leases end, and deliveries go back with the connection
    limit = grace_seconds + 4 * _PATIENCE_SECONDS
    try:
        runner.call(partial(crew.leave, grace_seconds)).result(limit)
    except FutureTimeout:
        log.warning("left without waiting for everybody")


@contextmanager
def _consuming(
    consumer: RabbitConsumer, runner: WarmRunner, crew: Crew, *, end: End
) -> Iterator[None]:
    """Hand deliveries to the bridge; at the end, what is not settled goes back."""

    def hand_over(delivery: Delivery) -> None:
        runner.spawn(partial(crew.bridge.handle, delivery))

    thread = Thread(
        target=consume, args=(partial(consumer.run, hand_over), end), name="consumer", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        consumer.close()
        thread.join()


def consume(run: Callable[[], None], end: End) -> None:
    """Consume until the worker ends; a consumer that ends by itself ends the worker."""
    try:
        run()
    except BaseException as exc:  # it is logged, and the worker ends because of it
        log.exception("consumer failed")
        end.fail(f"the consumer failed: {exc!r}")
    else:
        end.fail("the consumer ended by itself")


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
