"""What a worker has counted since its start, for Prometheus; the only module of a worker with it.

All labels come from lists of ours, but for source hosts: of those the pages name 20 at most.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from infra.contract.states import JobState, Lane, Outcome
from infra.settings.sections import SettingsError, WorkerSettings
from tasks.steps.results import ImageDone, ImageFailed, ImageResult

log = structlog.get_logger(__name__)

MOST_HOSTS = 20
_OTHER = "other"
_FAILED = "failed"
_STEP_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_WAIT_SECONDS = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400)
_QUALITIES = (30, 40, 50, 60, 65, 70, 75, 80, 85, 90, 95, 100)


class WorkerMetrics:
    """Counts for one process. Safe to share between threads."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._images = Counter(
            "product_images_worker_images",
            "Recorded images by how they ended; `code` is empty unless they failed.",
            ("lane", "outcome", "code"),
            registry=registry,
        )
        self._jobs = Counter(
            "product_images_worker_jobs",
            "Recorded jobs by the state that they ended in; queued: parked for a supplier.",
            ("lane", "state"),
            registry=registry,
        )
        self._steps = Histogram(
            "product_images_worker_step_duration_seconds",
            "Time of one step of one image, or of one job for `record`, with its retries.",
            ("step", "lane"),
            buckets=_STEP_SECONDS,
            registry=registry,
        )
        self._waits = Histogram(
            "product_images_worker_queue_wait_seconds",
            "Time of a job from its request, or from when it was due, to its first attempt.",
            ("lane",),
            buckets=_WAIT_SECONDS,
            registry=registry,
        )
        self._bytes = Counter(
            "product_images_worker_image_bytes",
            "Bytes of sources (in), of their variants (out), and what the largest of each saves "
            "against its source (saved).",
            ("direction",),
            registry=registry,
        )
        self._qualities = Histogram(
            "product_images_worker_variant_quality",
            "The encoder's number that was chosen for a variant.",
            ("format",),
            buckets=_QUALITIES,
            registry=registry,
        )
        self._retries = Counter(
            "product_images_worker_step_retries",
            "Tries of a step that failed and were made again, by error code.",
            ("step", "code"),
            registry=registry,
        )
        self._deliveries = Counter(
            "product_images_worker_deliveries",
            "Deliveries of RabbitMQ; `redelivered` counts those that another worker had before.",
            ("lane", "redelivered"),
            registry=registry,
        )
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """Show what is known beforehand: a series that appears late hides its first increase."""
        for lane in Lane:
            for state in JobState:
                self._jobs.labels(lane, state)
            for outcome in Outcome:
                self._images.labels(lane, outcome, "")
            for redelivered in ("true", "false"):
                self._deliveries.labels(lane, redelivered)
        for direction in ("in", "out", "saved"):
            self._bytes.labels(direction)

    def note_job(self, lane: Lane, state: JobState) -> None:
        """Count a job whose attempt was recorded."""
        self._jobs.labels(lane, state).inc()

    def note_images(self, lane: Lane, results: Iterable[ImageResult]) -> None:
        """Count images that were recorded."""
        for result in results:
            if isinstance(result, ImageFailed):
                self._images.labels(lane, _FAILED, result.code).inc()
                continue
            self._images.labels(lane, result.outcome, "").inc()
            if result.outcome is Outcome.CREATED:
                self._note_variants(result)

    def note_wait(self, lane: Lane, seconds: float) -> None:
        """Note how long a job has waited for its first attempt."""
        self._waits.labels(lane).observe(max(seconds, 0))

    def note_retry(self, step: str, code: str) -> None:
        """Count a try of a step that is made again."""
        self._retries.labels(step, code).inc()

    def note_delivery(self, lane: Lane, *, redelivered: bool) -> None:
        """Count a delivery."""
        self._deliveries.labels(lane, str(redelivered).lower()).inc()

    @contextmanager
    def timed(self, step: str, lane: Lane) -> Iterator[None]:
        """Note how long the block takes, however it ends."""
        begun = monotonic()
        try:
            yield
        finally:
            self._steps.labels(step, lane).observe(monotonic() - begun)

    def _note_variants(self, done: ImageDone) -> None:
        self._bytes.labels("in").inc(done.source_bytes)
        self._bytes.labels("out").inc(sum(variant.bytes for variant in done.variants))
        largest: dict[str, int] = {}
        for variant in done.variants:
            largest[variant.format] = max(largest.get(variant.format, 0), variant.bytes)
            if variant.quality is not None:
                self._qualities.labels(variant.format).observe(variant.quality)
        if largest:
            self._bytes.labels("saved").inc(max(done.source_bytes - min(largest.values()), 0))


@dataclass(frozen=True, slots=True)
class WorkerState:
    """How a worker is at one moment.

    `calls` wait for a pixel process, by lane; `paused_hosts` are source hosts with the seconds
    until they are asked again.
    """

    processes: int
    busy: int
    calls: Mapping[Lane, int]
    reasons: Sequence[str]
    paused_hosts: Mapping[str, float]


class _Now(Collector):
    """Gauges of the moment, read when the page is."""

    def __init__(self, read: Callable[[], WorkerState], reasons: Iterable[str]) -> None:
        self._read = read
        self._reasons = tuple(reasons)
        self._lock = threading.Lock()

    def collect(self) -> Iterable[Metric]:
        """Return the families."""
        with self._lock:
            state = self._read()
        processes = GaugeMetricFamily(
            "product_images_worker_pixel_processes", "Pixel processes.", labels=("state",)
        )
        processes.add_metric(("busy",), state.busy)
        processes.add_metric(("idle",), state.processes - state.busy)
        calls = GaugeMetricFamily(
            "product_images_worker_pixel_calls_waiting",
            "Images that wait for a pixel process.",
            labels=("lane",),
        )
        for lane, waiting in state.calls.items():
            calls.add_metric((lane,), waiting)
        paused = GaugeMetricFamily(
            "product_images_worker_paused",
            "Whether the circuit breaker is open for a reason (1), so that no work is taken.",
            labels=("reason",),
        )
        for reason in self._reasons:
            paused.add_metric((reason,), int(reason in state.reasons))
        hosts = GaugeMetricFamily(
            "product_images_source_host_pause_seconds",
            "Seconds until a paused source host is asked again; `other`: all but the longest 20.",
            labels=("host",),
        )
        longest = sorted(state.paused_hosts.items(), key=lambda each: -each[1])
        for host, seconds in longest[:MOST_HOSTS]:
            hosts.add_metric((host,), seconds)
        if len(longest) > MOST_HOSTS:
            hosts.add_metric((_OTHER,), longest[MOST_HOSTS][1])
        count = GaugeMetricFamily(
            "product_images_source_hosts_paused", "Source hosts that are not asked now."
        )
        count.add_metric((), len(longest))
        return (processes, calls, paused, hosts, count)


def watch_state(
    metrics: WorkerMetrics, read: Callable[[], WorkerState], reasons: Iterable[str]
) -> None:
    """Show how the worker is on the page of its metrics; `reasons` are all for a pause."""
    metrics.registry.register(_Now(read, reasons))


@contextmanager
def serve_metrics(settings: WorkerSettings, metrics: WorkerMetrics) -> Iterator[None]:
    """Serve the page while the block runs, where WORKER_METRICS_PORT says so.

    Raises `SettingsError` when the port is taken: two workers of one machine need two.
    """
    if not settings.metrics_port:
        yield
        return
    try:
        server, thread = start_http_server(
            settings.metrics_port, settings.metrics_host, metrics.registry
        )
    except OSError as exc:
        raise SettingsError(
            f"WORKER_METRICS_PORT: {settings.metrics_host}:{settings.metrics_port} cannot be "
            f"listened on ({exc.strerror}). Choose another port, or 0 for none."
        ) from exc
    log.info("metrics served", host=settings.metrics_host, port=settings.metrics_port)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
