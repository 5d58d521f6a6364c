"""`GET /jobs/{id}/events`: what happens to a job, as server-sent events."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.auth.guard import counted_as
from api.dependencies import Resources
from api.events.job_changes import changes
from api.events.job_cursor import parse_cursor
from api.events.job_watcher import Listener, News
from api.schemas.ids import parse_id

router = APIRouter(prefix="/jobs", tags=["jobs"])

_RECONNECT_MILLISECONDS = 2000
_EXAMPLE = """event: image
data: {"id": "019b…", "position": 0, "state": "ready", "outcome": "created", "error": null}
id: qZ1x.-.0.b7Qe

event: progress
data: {"done": 1, "total": 1, "ready": 1, "failed": 0}
id: qZ1x.1.0.b7Qe

event: state
data: {"job_id": "019b…", "state": "ready", "attempts": 1, "error": null, "finished_at": "2026-…"}
id: Lw0c.1.0.b7Qe

event: end
data: {"state": "ready"}
id: Lw0c.1.1.b7Qe

"""
_EVENT = {
    "required": ["event", "data"],
    "properties": {
        "event": {"enum": ["image", "progress", "state", "end"]},
        "id": {"description": "For `Last-Event-ID`"},
        "data": {"contentMediaType": "application/json"},
    },
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `image`, `progress`, `state` and, when the job is final, `end`",
        "content": {EventSourceResponse.media_type: {"itemSchema": _EVENT, "example": _EXAMPLE}},
    },
    204: {"description": "The end was sent already, and nothing has changed since"},
}

_LastEventId = Annotated[str | None, Header()]


async def listener_of(
    job_id: str,
    request: Request,
    response: Response,
    *,
    resources: Resources,
    last_event_id: _LastEventId = None,
) -> AsyncIterator[Listener | None]:
    """Yield a listener that keeps its place until the stream has ended, or None beside a 204."""
    watcher = resources.job_watcher
    listener = await watcher.join(parse_id(job_id, "job"), counted_as(request))
    try:
        response.headers["Cache-Control"] = "no-store"  # beside FastAPI's `no-cache`
        heard = parse_cursor(last_event_id)
        if listener.job.state.is_final and not any(changes(heard, listener.job)):
            response.status_code = 204
            yield None
        else:
            yield listener
    finally:
        watcher.leave(listener)


@router.get(
    "/{job_id}/events",
    response_class=EventSourceResponse,
    responses=_RESPONSES,
    summary="Follow a job",
)
async def get_job_events(
    listener: Annotated[Listener | None, Depends(listener_of)],
    resources: Resources,
    last_event_id: _LastEventId = None,
) -> AsyncIterator[ServerSentEvent]:
    """Stream the state of the job and its changes, until it is final.

    With `Last-Event-ID` only changes since that event are sent. A line that begins with a colon
    says that the stream is alive. After `end` the stream is closed; a client that asks again gets
    204, at which a browser's `EventSource` stops by itself, unless the job was retried.
    """
    if listener is None:
        return
    yield ServerSentEvent(retry=_RECONNECT_MILLISECONDS)
    # FastAPI's own pings come every 15 s, which cannot be set; this setting can.
    heartbeat_seconds = resources.configuration.api.events_heartbeat_seconds
    heard, news = parse_cursor(last_event_id), News.CHANGE
    while news in (News.CHANGE, News.SILENCE):
        if news is News.SILENCE:
            yield ServerSentEvent(comment="still here")
        job = listener.job
        for event in changes(heard, job):
            heard = event.heard
            yield ServerSentEvent(event=event.name, id=str(heard), data=event.data)
        if job.state.is_final:
            return
        news = await listener.news(heartbeat_seconds)
    if news is News.GONE:
        yield ServerSentEvent(event="end", data={"state": None})
