"""`GET /healthz`: the process lives. `GET /readyz`: each part it depends on, with latency."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from fastapi import APIRouter, Response

from api.dependencies import Resources
from api.responses import Dependency, Readiness
from infra.broker.rabbitmq import probe as probe_broker
from infra.errors import ProductImagesError
from infra.http import probe_prefect

router = APIRouter(tags=["health"])

_NEEDED = "database"  # without it nothing can be accepted; without the others jobs wait


@router.get("/healthz", summary="Whether the process lives")
async def healthz() -> dict[str, str]:
    """Answer without asking any other part."""
    return {"status": "ok"}


@router.get("/readyz", response_model=Readiness, summary="Whether each part answers")
def readyz(resources: Resources, response: Response) -> Readiness:
    """Ask every part at once; 503 only when nothing can be accepted."""
    configuration = resources.configuration
    probes: dict[str, Callable[[], None]] = {
        "database": resources.database.require_schema,
        "broker": lambda: probe_broker(configuration.broker),
        "store": resources.store.probe,
        "cache": resources.cache.probe,
        "prefect": lambda: probe_prefect(configuration.prefect.api_url),
    }
    with ThreadPoolExecutor(len(probes)) as pool:
        dependencies = dict(zip(probes, pool.map(_measure, probes.values()), strict=True))
    if not dependencies[_NEEDED].ok:
        response.status_code = 503
        return Readiness(status="unavailable", dependencies=dependencies)
    everything = all(dependency.ok for dependency in dependencies.values())
    return Readiness(status="ready" if everything else "degraded", dependencies=dependencies)


def _measure(probe: Callable[[], None]) -> Dependency:
    started = time.perf_counter()
    detail = None
    try:
        probe()
    except ProductImagesError as exc:
        detail = exc.detail
    elapsed_ms = round((time.perf_counter() - started) * 1000, 1)
    return Dependency(ok=detail is None, latency_ms=elapsed_ms, detail=detail)
