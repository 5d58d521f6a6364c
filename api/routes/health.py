"""`GET /healthz`: the process lives. `GET /readyz`: each part it depends on, with latency."""

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from api.dependencies import Resources
from api.probes import DATABASE, probe_all
from api.responses import Readiness

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process answers."""

    status: str = Field(default="ok", examples=["ok"])


@router.get("/healthz", summary="Whether the process lives")
async def healthz() -> Alive:
    """Answer without asking any other part."""
    return Alive()


@router.get(
    "/readyz",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "The database is away"}},
    summary="Whether each part answers",
)
def readyz(resources: Resources, response: Response) -> Readiness:
    """Ask every part at once; 503 only when nothing can be accepted."""
    dependencies = probe_all(resources)
    if not dependencies[DATABASE].ok:
        response.status_code = 503
        return Readiness(status="unavailable", dependencies=dependencies)
    everything = all(dependency.ok for dependency in dependencies.values())
    return Readiness(status="ready" if everything else "degraded", dependencies=dependencies)
