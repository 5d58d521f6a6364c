"""`/hosts`: the state of suppliers' servers, shared by all workers."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from api.auth.permissions import AdminOnly
from api.dependencies import Resources
from api.schemas.hosts import SourceHost
from tasks.hosts import list_hosts, reset_host

router = APIRouter(prefix="/hosts", tags=["hosts"], dependencies=[AdminOnly])
Limit = Annotated[int, Query(ge=1, le=1000)]


class HostList(BaseModel):
    """The hosts that were asked last."""

    hosts: list[SourceHost]


@router.get("", response_model=HostList, summary="List source hosts, last asked first")
def get_hosts(resources: Resources, limit: Limit = 100) -> HostList:
    """Return the state of suppliers' servers, shared by all workers."""
    found = list_hosts(resources.host_limits, limit=limit)
    return HostList(hosts=[SourceHost.of(view) for view in found])


@router.post("/{host}/reset", response_model=SourceHost, summary="Reset a source host")
def post_reset(host: str, resources: Resources) -> SourceHost:
    """Close the host's circuit breaker and end its pause. `host` includes the port."""
    return SourceHost.of(reset_host(resources.host_limits, host))
