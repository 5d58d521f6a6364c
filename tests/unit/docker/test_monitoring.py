"""infra/monitoring: dashboard and alerts name metrics and labels that are really exported."""

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml  # type: ignore[import-untyped]  # PyYAML ships no types
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from api.metrics.page import write_page
from api.metrics.request_timer import Meter
from flows.runs.retries import Step
from flows.runtime.circuit_breaker import PauseReason
from flows.runtime.metrics import WorkerMetrics, WorkerState, watch_state
from infra.contract.states import JobState, Lane
from infra.settings.sections import WorkerSettings
from tasks.reports.load import Load
from tests.architecture.support.source import ROOT

FOLDER = ROOT / "infra" / "monitoring"
NAME = re.compile(r"\b(?:product_images|process)_[a-z0-9_]+")
LABEL = re.compile(r"(?P<metric>\b(?:product_images|process)_\w+)\{(?P<labels>[^}]*)\}")
MATCHER = re.compile(r'(?P<label>\w+)\s*(?:=~|!~|!=|=)\s*"')
ADDED = {"job", "instance", "le"}  # by Prometheus itself


def exported() -> dict[str, set[str]]:
    """Return the labels of each series that the API and a worker export, by its name."""
    metrics = WorkerMetrics()
    metrics.note_wait(Lane.BULK, 1)
    metrics.note_retry(Step.STORE, "store_unavailable")
    metrics.note_job(Lane.BULK, JobState.READY)
    metrics._qualities.labels("webp").observe(80)
    with metrics.timed(Step.FETCH, Lane.BULK):
        state = WorkerState(1, 0, dict.fromkeys(Lane, 0), [], {"supplier.example:443": 3.0})
    watch_state(metrics, lambda: state, [reason.name.lower() for reason in PauseReason])
    meter = Meter()
    meter.note({"method": "GET"}, 200, 0.1)
    load = Load(jobs=(), deliveries_pending=0, workers_alive=0)
    pages = (generate_latest(metrics.registry), write_page(meter, {"database": True}, load))
    found: dict[str, set[str]] = {}
    for page in pages:
        for family in text_string_to_metric_families(page.decode()):
            for sample in family.samples:
                found.setdefault(sample.name, set()).update(sample.labels)
    return found


def expressions() -> Iterator[str]:
    """Yield every expression of the dashboard and the rules."""
    dashboard: dict[str, Any] = json.loads((FOLDER / "grafana" / "dashboard.json").read_text())
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    rules = yaml.safe_load((FOLDER / "rules.yml").read_text())
    for group in rules["groups"]:
        yield from (rule["expr"] for rule in group["rules"])


def test_every_metric_that_is_looked_at_is_exported() -> None:
    known = exported()
    looked_at = {name for text in expressions() for name in NAME.findall(text)}
    assert len(looked_at) > 20
    assert looked_at - set(known) == set()


def test_every_metric_of_ours_is_on_the_dashboard_or_in_a_rule() -> None:
    ends = re.compile(r"_(bucket|count|sum|created|total)$")
    ours = {ends.sub("", name) for name in exported() if name.startswith("product_images")}
    looked_at = {ends.sub("", name) for text in expressions() for name in NAME.findall(text)}
    assert ours - looked_at == set()


def test_every_label_that_is_asked_for_exists() -> None:
    known = exported()
    for text in expressions():
        for match in LABEL.finditer(text):
            asked = {each["label"] for each in MATCHER.finditer(match["labels"])}
            assert asked - known[match["metric"]] - ADDED == set(), text


def test_prometheus_looks_where_compose_has_the_workers_serve() -> None:
    jobs = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]
    (found,) = jobs[1]["dns_sd_configs"]
    compose = (ROOT / "docker-compose.yml").read_text()
    assert f"WORKER_METRICS_PORT: ${{WORKER_METRICS_PORT:-{found['port']}}}" in compose
    assert WorkerSettings.model_fields["metrics_port"].default == 0
