"""`GET /metrics`: requests, jobs and parts, for Prometheus."""

from contextlib import suppress

from fastapi import APIRouter, Request, Response

from api.background.probes import DATABASE
from api.dependencies import Resources
from api.metrics.page import MEDIA_TYPE, write_page
from api.metrics.request_timer import Meter
from infra.contract.errors import ServiceUnavailable
from tasks.reports.load import read_load

router = APIRouter(tags=["health"])

_EXAMPLE = """# HELP product_images_up Whether a part answers (1) or not (0).
# TYPE product_images_up gauge
product_images_up{dependency="database"} 1.0
"""


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
