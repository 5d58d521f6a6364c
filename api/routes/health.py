"""`GET /healthz`: the process lives. `GET /readyz`: each part it depends on, with latency."""

from fastapi import APIRouter, Response

from api.dependencies import Resources
from api.probes import DATABASE, probe_all
from api.responses import Readiness

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Whether the process lives")
async def healthz() -> dict[str, str]:
    """Answer without asking any other part."""
    return {"status": "ok"}


@router.get("/readyz", response_model=Readiness, summary="Whether each part answers")
def readyz(resources: Resources, response: Response) -> Readiness:
    """Ask every part at once; 503 only when nothing can be accepted."""
    dependencies = probe_all(resources)
    if not dependencies[DATABASE].ok:
        response.status_code = 503
        return Readiness(status="unavailable", dependencies=dependencies)
    everything = all(dependency.ok for dependency in dependencies.values())
    return Readiness(status="ready" if everything else "degraded", dependencies=dependencies)
