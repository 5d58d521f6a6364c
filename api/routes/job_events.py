"""`GET /jobs/{id}/events`: what happens to a job, as server-sent events."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response

from api.auth.guard import counted_as
from api.dependencies import Resources
from api.events.job_changes import changes
from api.events.job_cursor import Cursor, parse_cursor
from api.events.job_watcher import Listener, News
from api.events.sse_response import MEDIA_TYPE, EventStream
from api.schemas.ids import parse_id

router = APIRouter(prefix="/jobs", tags=["jobs"])

_RECONNECT = "retry: 2000\n\n"  # milliseconds until a browser connects again
_HEARTBEAT = ": still here\n\n"
_GONE = 'event: end\ndata: {"state": null}\n\n'
_EXAMPLE = """event: image
id: qZ1x.-.0.b7Qe
data: {"id": "019b…", "position": 0, "state": "ready", "outcome": "created", "error": null}

event: progress
id: qZ1x.1.0.b7Qe
data: {"done": 1, "total": 1, "ready": 1, "failed": 0}

event: state
id: Lw0c.1.0.b7Qe
data: {"job_id": "019b…", "state": "ready", "attempts": 1, "error": null, "finished_at": "2026-…"}

event: end
id: Lw0c.1.1.b7Qe
data: {"state": "ready"}

"""
_EVENT = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"enum": ["image", "progress", "state", "end"]},
        "id": {"type": "string", "description": "For `Last-Event-ID`"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `image`, `progress`, `state` and, when the job is final, `end`",
        "content": {MEDIA_TYPE: {"itemSchema": _EVENT, "example": _EXAMPLE}},
    },
    204: {"description": "You have heard the end, and nothing has changed since"},
}


@router.get(
    "/{job_id}/events",
    response_class=Response,
    responses=_RESPONSES,
    summary="Follow a job",
)
async def get_job_events(
    job_id: str,
    request: Request,
    resources: Resources,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """Tell how the job stands and then what changes, until it is final.

    With `Last-Event-ID` only what has changed since that event is told. A line that begins with
    a colon says that the stream is alive. After `end` the stream is closed; who asks again hears
    204, at which a browser's `EventSource` stops by itself, unless the job was retried.
    """
    watcher = resources.job_watcher
    listener = await watcher.join(parse_id(job_id, "job"), counted_as(request))
    heard = parse_cursor(last_event_id)
    if listener.job.state.is_final and not any(changes(heard, listener.job)):
        watcher.leave(listener)
        return Response(status_code=204)
    heartbeat_seconds = resources.configuration.api.events_heartbeat_seconds
    return EventStream(
        _tell(listener, heard, heartbeat_seconds), done=partial(watcher.leave, listener)
    )


async def _tell(listener: Listener, heard: Cursor, heartbeat_seconds: float) -> AsyncIterator[str]:
    yield _RECONNECT
    news = News.CHANGE
    while news in (News.CHANGE, News.SILENCE):
        if news is News.SILENCE:
            yield _HEARTBEAT
        job = listener.job
        for event in changes(heard, job):
            heard = event.heard
            yield str(event)
        if job.state.is_final:
            return
        news = await listener.news(heartbeat_seconds)
    if news is News.GONE:
        yield _GONE
