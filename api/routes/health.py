"""`GET /healthz`: the process lives. `GET /readyz`: each part it depends on, with latency."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from api.auth.guard import may_see_parts
from api.background.probes import DATABASE
from api.dependencies import Resources
from api.schemas.jobs import BriefReadiness, Readiness

router = APIRouter(tags=["health"])


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
