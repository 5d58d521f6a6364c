"""Writes the page that Prometheus reads: what was counted here, and how the system is now."""

from collections.abc import Iterable, Mapping

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from api.metrics.request_timer import Meter
from infra.contract.states import JobState, Lane
from tasks.reports.load import Load

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4


def write_page(meter: Meter, up: Mapping[str, bool], load: Load | None) -> bytes:
    """Return the page; without `load`, when the database is away, its gauges are missing."""
    dependencies = GaugeMetricFamily(
        "product_images_up", "Whether a part answers (1) or not (0).", labels=("dependency",)
    )
    for name, answers in up.items():
        dependencies.add_metric((name,), int(answers))
    now: list[Metric] = [dependencies]
    if load is not None:
        counts = {(count.state, count.lane): count for count in load.jobs}
        jobs = GaugeMetricFamily(
            "product_images_jobs", "Jobs that have not ended.", labels=("state", "lane")
        )
        ended = GaugeMetricFamily(
            "product_images_jobs_ended_last_hour",
            "Jobs that ended within the last hour, by the state that they ended in.",
            labels=("state", "lane"),
        )
        oldest = GaugeMetricFamily(
            "product_images_oldest_queued_job_seconds",
            "Age of the oldest queued job, from its request or due time; 0 when none is queued.",
            labels=("lane",),
        )
        undispatched = GaugeMetricFamily(
            "product_images_undispatched_jobs",
            "Jobs that are due and not yet given to the broker.",
            labels=("lane",),
        )
        for lane in Lane:  # zeros included: a series that vanishes raises no alarm
            for state in JobState:
                count = counts.get((state, lane))
                family = ended if state.is_final else jobs
                family.add_metric((state, lane), count.jobs if count else 0)
            waiting = counts.get((JobState.QUEUED, lane))
            oldest.add_metric((lane,), waiting.oldest_seconds if waiting else 0)
            undispatched.add_metric((lane,), waiting.undispatched if waiting else 0)
        now += [jobs, ended, oldest, undispatched]
        now.append(
            GaugeMetricFamily(
                "product_images_webhook_deliveries_pending",
                "Webhook messages that are not delivered yet.",
                load.deliveries_pending,
            )
        )
        now.append(
            GaugeMetricFamily(
                "product_images_workers_alive",
                "Workers with a current heartbeat.",
                load.workers_alive,
            )
        )
    return generate_latest(meter.registry) + generate_latest(_Read(now))


class _Read(Collector):
    """Families of this moment, in the form that the writer takes."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
