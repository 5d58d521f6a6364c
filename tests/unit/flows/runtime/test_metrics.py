"""What a worker counts, on the page that Prometheus reads."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import uuid4

import pytest
import requests
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from flows.runtime.metrics import (
    MOST_HOSTS,
    WorkerMetrics,
    WorkerState,
    serve_metrics,
    watch_state,
)
from infra.contract.states import JobState, Lane, Outcome
from infra.settings.sections import SettingsError, WorkerSettings
from infra.stack.ports import free_port
from tasks.steps.results import ClaimedImage, ImageDone, ImageFailed, StoredVariant

IMAGE = ClaimedImage(uuid4(), 0, "https://supplier.example/a.jpg", None, None, None)
VARIANT = StoredVariant("w800-webp", "k", "webp", 800, 600, 60, "s", 80, 90.0)
DONE = ImageDone(
    image=IMAGE,
    outcome=Outcome.CREATED,
    sha256="s",
    source_bytes=1000,
    fingerprint="f",
    variants=(
        VARIANT,
        replace(VARIANT, name="w400-webp", bytes=20, quality=75),
        replace(VARIANT, name="w800-jpeg", format="jpeg", bytes=100, quality=None),
    ),
)
STATE = WorkerState(
    processes=4,
    busy=1,
    calls={Lane.INTERACTIVE: 0, Lane.BULK: 3},
    reasons=["store"],
    paused_hosts={},
)


def values(metrics: WorkerMetrics) -> Mapping[str, float]:
    """Return all samples that are not zero, by name and labels."""
    found = {}
    for family in text_string_to_metric_families(generate_latest(metrics.registry).decode()):
        for sample in family.samples:
            labels = ",".join(str(value) for _, value in sorted(sample.labels.items()))
            found[f"{sample.name.removeprefix('product_images_')}({labels})"] = sample.value
    return {name: value for name, value in found.items() if value}


def test_images_are_counted_by_outcome_and_code_and_only_made_ones_by_size() -> None:
    metrics = WorkerMetrics()
    again = replace(DONE, outcome=Outcome.UNCHANGED)
    failed = ImageFailed(IMAGE, "http_404", "Not found.", retryable=False)

    metrics.note_job(Lane.BULK, JobState.PARTIAL)
    metrics.note_images(Lane.BULK, [DONE, again, failed])

    found = values(metrics)
    assert found["worker_jobs_total(bulk,partial)"] == 1
    assert found["worker_images_total(,bulk,created)"] == 1
    assert found["worker_images_total(,bulk,unchanged)"] == 1
    assert found["worker_images_total(http_404,bulk,failed)"] == 1
    assert found["worker_image_bytes_total(in)"] == 1000
    assert found["worker_image_bytes_total(out)"] == 180
    assert found["worker_image_bytes_total(saved)"] == 1000 - 60
    assert found["worker_variant_quality_count(webp)"] == 2
    assert found["worker_variant_quality_sum(webp)"] == 155


def test_times_retries_and_deliveries_are_counted() -> None:
    metrics = WorkerMetrics()

    with pytest.raises(ZeroDivisionError), metrics.timed("fetch", Lane.INTERACTIVE):
        raise ZeroDivisionError
    metrics.note_wait(Lane.BULK, 7)
    metrics.note_retry("store", "store_unavailable")
    metrics.note_delivery(Lane.BULK, redelivered=True)

    found = values(metrics)
    assert found["worker_step_duration_seconds_count(interactive,fetch)"] == 1
    assert found["worker_queue_wait_seconds_sum(bulk)"] == 7
    assert found["worker_step_retries_total(store_unavailable,store)"] == 1
    assert found["worker_deliveries_total(bulk,true)"] == 1


def test_the_state_of_the_moment_is_shown_with_few_hosts_by_name() -> None:
    metrics = WorkerMetrics()
    hosts = {f"host-{number}:443": float(number) for number in range(1, MOST_HOSTS + 11)}
    state = replace(STATE, paused_hosts=hosts)

    watch_state(metrics, lambda: state, ["store", "database"])

    found = values(metrics)
    named = [name for name in found if name.startswith("source_host_pause_seconds")]
    assert found["worker_pixel_processes(busy)"] == 1
    assert found["worker_pixel_processes(idle)"] == 3
    assert found["worker_pixel_calls_waiting(bulk)"] == 3
    assert found["worker_paused(store)"] == 1
    assert "worker_paused(database)" not in found
    assert len(named) == MOST_HOSTS + 1
    assert found[f"source_host_pause_seconds(host-{MOST_HOSTS + 10}:443)"] == MOST_HOSTS + 10
    assert found["source_host_pause_seconds(other)"] == 10
    assert found["source_hosts_paused()"] == MOST_HOSTS + 10


def test_the_page_is_served_on_its_port_and_a_taken_one_is_named() -> None:
    settings = WorkerSettings(metrics_port=free_port())
    address = f"http://127.0.0.1:{settings.metrics_port}/metrics"

    with serve_metrics(settings, WorkerMetrics()):
        assert "product_images_worker_jobs_total" in requests.get(address, timeout=10).text
        with (
            pytest.raises(SettingsError, match=r"WORKER_METRICS_PORT: .* Choose another port"),
            serve_metrics(settings, WorkerMetrics()),
        ):
            pass
    with serve_metrics(WorkerSettings(metrics_port=0), WorkerMetrics()):
        pass
