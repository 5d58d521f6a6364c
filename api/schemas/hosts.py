"""What callers get of source hosts."""

from datetime import UTC, datetime

from pydantic import BaseModel, Field

from infra.host_limits.policy import Circuit, DenyReason, HostView


class SourceHost(BaseModel):
    """A source host, as it was in the last seven days."""

    host: str = Field(description="name and port", examples=["images.supplier.example:443"])
    circuit: Circuit = Field(description="`open`: not asked; `half_open`: the next request tries")
    requests: int
    failures: int = Field(description="those of them that failed", examples=[3])
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
    paused_until: datetime | None = Field(description="until when it is not asked at all")
    pause_reason: DenyReason | None = Field(
        description="`silent`: the host asked for it; `open`: it did not answer",
        examples=["silent"],
    )

    @classmethod
    def of(cls, view: HostView) -> "SourceHost":
        """Show a host."""
        moments = ("last_error_at", "last_asked_at", "silent_until", "open_until", "paused_until")
        fields = {name: getattr(view, name) for name in cls.model_fields}
        for name in moments:
            if fields[name] is not None:
                fields[name] = datetime.fromtimestamp(fields[name], UTC)
        return cls(**fields)
