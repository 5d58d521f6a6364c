"""`/hosts`: the state of suppliers' servers, shared by all workers."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.auth.permissions import AdminOnly
from api.dependencies import Resources
from api.resources import ApiResources
from infra.host_limits.policy import Circuit, HostPolicy, HostView
from infra.host_limits.redis_limits import RedisHostLimits
from tasks.hosts import list_hosts, reset_host

router = APIRouter(prefix="/hosts", tags=["hosts"], dependencies=[AdminOnly])
Limit = Annotated[int, Query(ge=1, le=1000)]


class SourceHost(BaseModel):
    """A source host, as it was in the last seven days."""

    host: str = Field(description="name and port", examples=["images.supplier.example:443"])
    circuit: Circuit = Field(description="`open`: not asked; `half_open`: the next request tries")
    requests: int
    bytes: int = Field(description="as sent by the host")
    outcomes: dict[str, int] = Field(description="requests by code", examples=[{"ok": 12}])
    active: int = Field(description="requests under way")
    mean_seconds: float | None = Field(description="mean time of a request")
    last_error: str | None = Field(description="its code")
    last_error_at: datetime | None
    last_asked_at: datetime
    silent_until: datetime | None = Field(description="end of a pause that the host asked for")
    open_until: datetime | None = Field(
        description="when an open circuit breaker lets a request try"
    )

    @classmethod
    def of(cls, view: HostView) -> "SourceHost":
        """Show a host."""
        moments = ("last_error_at", "last_asked_at", "silent_until", "open_until")
        fields = asdict(view)
        for name in moments:
            if fields[name] is not None:
                fields[name] = datetime.fromtimestamp(fields[name], UTC)
        return cls(**fields)


class HostList(BaseModel):
    """The hosts that were asked last."""

    hosts: list[SourceHost]


@router.get("", response_model=HostList, summary="List source hosts, last asked first")
def get_hosts(resources: Resources, limit: Limit = 100) -> HostList:
    """Return the state of suppliers' servers, shared by all workers."""
    found = list_hosts(_known(resources), limit=limit)
    return HostList(hosts=[SourceHost.of(view) for view in found])


@router.post("/{host}/reset", response_model=SourceHost, summary="Reset a source host")
def post_reset(host: str, resources: Resources) -> SourceHost:
    """Close the host's circuit breaker and end its pause. `host` includes the port."""
    return SourceHost.of(reset_host(_known(resources), host))


def _known(resources: ApiResources) -> RedisHostLimits:
    return RedisHostLimits(resources.cache, HostPolicy.of(resources.configuration.fetch))
