"""`GET /healthz`: the process lives. `GET /readyz`: each part it depends on, with latency.

`GET /metrics`: requests, jobs and parts, for Prometheus.
"""

from contextlib import suppress

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from api.auth.guard import may_see_parts
from api.background.probes import DATABASE
from api.dependencies import Resources
from api.metrics.page import MEDIA_TYPE, write_page
from api.metrics.request_timer import Meter
from api.schemas.jobs import BriefReadiness, Readiness
from infra.contract.errors import ServiceUnavailable
from tasks.reports.load import read_load

router = APIRouter(tags=["health"])

_EXAMPLE = """# HELP product_images_up Whether a part answers (1) or not (0).
# TYPE product_images_up gauge
product_images_up{dependency="database"} 1.0
"""


class Alive(BaseModel):
    """The process answers."""

    status: str = Field(default="ok", examples=["ok"])


@router.get("/healthz", summary="Check that the process lives")
async def healthz() -> Alive:
    """Answer 200 without asking any other part."""
    return Alive()


@router.get(
    "/readyz",
    response_model=Readiness | BriefReadiness,
    responses={503: {"model": Readiness | BriefReadiness, "description": "The database is away"}},
    summary="Check that each part answers",
)
async def readyz(
    request: Request, resources: Resources, response: Response
) -> Readiness | BriefReadiness:
    """Return the last known state of each part; 503 only when no work can be accepted.

    Only callers with a key see the parts, or all callers while no key exists.
    """
    parts = resources.probes.states()
    accepting = parts[DATABASE].ok
    if not accepting:
        response.status_code = 503
    if not may_see_parts(request):
        return BriefReadiness(status="ready" if accepting else "unavailable")
    everything = all(part.ok for part in parts.values())
    status = ("ready" if everything else "degraded") if accepting else "unavailable"
    return Readiness(status=status, dependencies=parts)


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {
            "description": "Text of Prometheus; without the database, what that knows is missing",
            "content": {"text/plain": {"schema": {"type": "string"}, "example": _EXAMPLE}},
        }
    },
    summary="Export metrics for Prometheus",
)
def get_metrics(request: Request, resources: Resources) -> Response:
    """Return the metrics. Callers on this machine need no key, others need any key."""
    meter: Meter = request.app.state.meter
    parts = resources.probes.states()
    up = {name: part.ok for name, part in parts.items()}
    load = None
    if up[DATABASE]:
        with suppress(ServiceUnavailable):  # it went away since it was asked
            load = read_load(resources.database)
    return Response(write_page(meter, up, load), media_type=MEDIA_TYPE)
