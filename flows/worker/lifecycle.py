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

from flows.bridge.consumer import JobConsumer
from flows.bridge.via_work_pool import ViaWorkPool
from flows.control.events import CANCELLED, PAUSED, SCHEDULED, Hear, listen
from flows.control.prefect_cancellation import Cancellation
from flows.control.reaper import Reaper
from flows.control.removals import ObjectRemoval
from flows.control.suspensions import Suspensions
from flows.execution.batch_leaders import BatchLeaders
from flows.execution.chunk_executor import ChunkExecutor
from flows.execution.job_executor import JobExecutor
from flows.pool.chunk_runs import PolledChunks
from flows.pool.polling import Polling, ScheduledRuns
from flows.pool.runs import PoolRuns
from flows.runs.flow_run_client import FlowRunClient
from flows.runs.labels import batches_pool
from flows.runs.run_log import tidy_run_logs
from flows.runs.worker_context import WorkerContext, install_worker_context
from flows.runtime.circuit_breaker import CircuitBreaker, PauseReason
from flows.runtime.dependency_monitor import DependencyMonitor
from flows.runtime.event_loop import FlowRunner
from flows.runtime.metrics import WorkerState, serve_metrics, watch_state
from flows.runtime.prefect_limits import PrefectLimits
from flows.runtime.resources import WorkerConfiguration, WorkerResources, open_worker_resources
from flows.worker.duties import Duty, keep_running
from infra.broker.broker import Delivery, Prefetch
from infra.broker.rabbitmq import RabbitConsumer
from infra.contract.errors import ErrorCode, ServiceUnavailable, Stopped
from infra.contract.states import Lane
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
_PATIENCE_SECONDS = 10.0  # for interrupted runs to report their end to Prefect


class WorkerServices:
    """The parts of one worker's event loop, connected to each other."""

    def __init__(
        self, resources: WorkerResources, runner: FlowRunner, consumer: RabbitConsumer
    ) -> None:
        work_pool = resources.configuration.prefect.work_pool
        breaker = CircuitBreaker(consumer.pause, consumer.resume)
        flow_runs = FlowRunClient(runner.client, work_pool)
        self.context = context = WorkerContext(resources, breaker, flow_runs)
        monitor = DependencyMonitor(
            resources, breaker, (context.start_limit, context.bulk_start_limit)
        )
        runner.observe(asked=monitor.note_request, answered=monitor.note_response)
        prefect_limits = PrefectLimits(runner.client, work_pool, breaker=breaker, monitor=monitor)
        self._polling = polling = Polling(
            work_pool, context.owner, resources.configuration.worker.slots
        )
        job_executor = JobExecutor(context, monitor)
        chunk_executor = ChunkExecutor(context, monitor, job_executor)
        self.batch_leaders = batch_leaders = BatchLeaders(context)
        pool_runs = PoolRuns(
            context,
            job_executor,
            chunks=PolledChunks(context, chunk_executor),
            batch_leaders=batch_leaders,
        )
        cancellation = Cancellation(context, pool_runs, batch_leaders)
        via_work_pool = ViaWorkPool(context, monitor, prefect_limits, wake=polling.wake)
        self.bridge = JobConsumer(
            context,
            job_executor,
            chunk_executor,
            prefect_limits=prefect_limits,
            through_pool=via_work_pool,
        )
        batches_of = batches_pool(work_pool)
        self._batches = batches = Polling(batches_of, context.owner, _BATCHES_AT_ONCE)
        scheduled = ScheduledRuns(flow_runs, {work_pool: polling, batches_of: batches})
        suspensions = Suspensions(context)
        event_handlers = _event_handlers(cancellation.hear, scheduled.hear, suspensions.hear)
        self._duties: dict[str, Duty] = {
            "leases": context.leases.run,
            "heartbeat": context.attempts.report,
            "cancel requests": context.attempts.run,
            "batch leaders": batch_leaders.run,
            "dependency monitor": monitor.run,
            "limits of Prefect": prefect_limits.run,
            "polling": partial(polling.run, pool_runs, prefect_limits),
            "polling for batches": partial(batches.run, pool_runs, None),
            "polling when woken": polling.look_when_woken,
            "polling for batches when woken": batches.look_when_woken,
            "scheduled runs": scheduled.run,
            "events": partial(listen, event_handlers),
            "cancelling": cancellation.look,
            "suspensions": suspensions.run,
            "removal of objects": ObjectRemoval(context).run,
            "reaper": Reaper(context, runner.client, pool_runs).run,
        }

    def begin(self, runner: FlowRunner, give_up: Callable[[str], None]) -> None:
        """Start the standing duties; `give_up` is called for one that keeps failing."""
        install_worker_context(self.context)
        for name, duty in self._duties.items():
            runner.spawn(partial(keep_running, name, duty, give_up))

    async def leave(self, grace_seconds: float) -> None:
        """Take no more work, finish what can be finished, give back the rest."""
        self.context.breaker.pause(PauseReason.LEAVING)
        self.bridge.send_back_waiting()
        await self.context.attempts.leave(grace_seconds, _PATIENCE_SECONDS)
        await self.context.chunks.leave(_PATIENCE_SECONDS)
        await self.batch_leaders.leave(_PATIENCE_SECONDS)
        await self._polling.sign_off()
        await self._batches.sign_off()


def _event_handlers(cancelled: Hear, scheduled: Hear, paused: Hear) -> dict[str, Hear]:
    heard = ((CANCELLED, cancelled), (SCHEDULED, scheduled), (PAUSED, paused))
    return {event: hear for events, hear in heard for event in events}


class Shutdown:
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


def run_worker() -> int:
    """Work until a signal arrives; return the exit status."""
    configure_logs()
    tidy_run_logs()
    forget_proxies()
    try:
        configuration = WorkerConfiguration.load()
    except SettingsError as exc:
        log.error("worker not started", reason=str(exc))  # noqa: TRY400 - a sentence is enough
        return 2
    end = Shutdown()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.stop.set())
    try:
        with (
            open_worker_resources(configuration) as resources,
            serve_metrics(configuration.worker, resources.metrics),
            suppress(Stopped),
        ):
            _wait_for_parts(resources, end.stop)
            register_policies(resources.database, configuration.presets)
            # Python's garbage collector leaves out what was imported: it stays to the end.
            gc.collect()
            gc.freeze()
            _work(resources, end)
    except SettingsError as exc:
        log.error("worker not started", reason=str(exc))  # noqa: TRY400 - a sentence is enough
        return 2
    except Exception:  # the cause belongs into the log, like everything else
        log.exception("worker failed")
        end.status = _FAULT
    log.info("worker stopped", status=end.status)
    return end.status


def _wait_for_parts(resources: WorkerResources, stop: Event) -> None:
    """Wait for the parts that every job needs; raise `Stopped` when a signal came first."""
    api_url = resources.configuration.prefect.api_url
    wait_for("PostgreSQL", resources.database.require_schema, stop=stop)
    wait_for("the object store", resources.store.probe, stop=stop)
    patient = partial(probe_prefect, api_url, timeout_seconds=_START_PROBE_SECONDS)
    wait_for("Prefect", patient, stop=stop)


def _work(resources: WorkerResources, end: Shutdown) -> None:
    configuration = resources.configuration
    slots = configuration.worker.slots
    consumer = RabbitConsumer(
        configuration.broker, Prefetch(interactive=slots, bulk=_BULK_PREFETCH)
    )
    with FlowRunner(end.fail) as runner:
        services = WorkerServices(resources, runner, consumer)
        services.begin(runner, end.fail)
        reasons = [reason.name.lower() for reason in PauseReason]
        watch_state(resources.metrics, partial(_state, resources, services.context), reasons)
        with _consuming(consumer, runner, services, end=end):
            try:
                wait_for("RabbitMQ", partial(_require_connection, consumer), stop=end.stop)
                with _ready(configuration):
                    log.info("worker started", owner=services.context.owner, slots=slots)
                    end.stop.wait()
            finally:
                log.info("worker stopping")
                _leave(runner, services, configuration.worker.shutdown_grace_seconds)


def _state(resources: WorkerResources, context: WorkerContext) -> WorkerState:
    """Return how the worker is now; callable from any thread."""
    pixels = resources.pixels
    return WorkerState(
        processes=pixels.size,
        busy=pixels.busy,
        calls={lane: pixels.waiting(lane) for lane in Lane},
        reasons=[reason.name.lower() for reason in context.breaker.reasons],
        paused_hosts={} if resources.hosts is None else resources.hosts.paused(),
    )


def _require_connection(consumer: RabbitConsumer) -> None:
    if not consumer.wait_until_connected(_CONNECT_SECONDS):
        raise ServiceUnavailable(ErrorCode.BROKER_UNAVAILABLE, "RabbitMQ has not been reached yet.")


def _leave(runner: FlowRunner, services: WorkerServices, grace_seconds: float) -> None:
    if not runner.is_alive:
        return  # leases end, and deliveries go back with the connection
    limit = grace_seconds + 4 * _PATIENCE_SECONDS
    try:
        runner.call(partial(services.leave, grace_seconds)).result(limit)
    except FutureTimeout:
        log.warning("left without waiting for everybody")


@contextmanager
def _consuming(
    consumer: RabbitConsumer, runner: FlowRunner, services: WorkerServices, *, end: Shutdown
) -> Iterator[None]:
    """Hand deliveries to the bridge; at the end, what is not settled goes back."""

    def hand_over(delivery: Delivery) -> None:
        runner.spawn(partial(services.bridge.handle, delivery))

    thread = Thread(
        target=consume, args=(partial(consumer.run, hand_over), end), name="consumer", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        consumer.close()
        thread.join()


def consume(run: Callable[[], None], end: Shutdown) -> None:
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
    """Announce readiness by a file, for the supervisor of this process."""
    file = configuration.worker.ready_file
    if file is not None:
        file.touch()
    try:
        yield
    finally:
        if file is not None:
            file.unlink(missing_ok=True)
