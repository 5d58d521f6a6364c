"""Asks every part that the API depends on whether it answers, all at once."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from api.resources import ApiResources
from api.responses import Dependency
from infra.broker.rabbitmq import probe as probe_broker
from infra.errors import ProductImagesError
from infra.http import probe_prefect

DATABASE = "database"
"""The part without which nothing can be accepted; without the others jobs wait."""


def probe_all(resources: ApiResources) -> dict[str, Dependency]:
    """Return how each part is, by its name; never fails."""
    configuration = resources.configuration
    probes: dict[str, Callable[[], None]] = {
        DATABASE: resources.database.require_schema,
        "broker": lambda: probe_broker(configuration.broker),
        "store": resources.store.probe,
        "cache": resources.cache.probe,
        "prefect": lambda: probe_prefect(configuration.prefect.api_url),
    }
    with ThreadPoolExecutor(len(probes)) as pool:
        return dict(zip(probes, pool.map(_measure, probes.values()), strict=True))


def _measure(probe: Callable[[], None]) -> Dependency:
    started = time.perf_counter()
    detail = None
    try:
        probe()
    except ProductImagesError as exc:
        detail = exc.detail
    elapsed_ms = round((time.perf_counter() - started) * 1000, 1)
    return Dependency(ok=detail is None, latency_ms=elapsed_ms, detail=detail)
