"""A response that is a stream of server-sent events. Knows nothing of what they are about."""

import asyncio
from collections.abc import AsyncIterator, Callable

from fastapi.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

MEDIA_TYPE = "text/event-stream"
_FIELDS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would hold events back
}
_PATIENCE_SECONDS = 60.0  # with a client that takes nothing: the system's buffers are full then


class EventStream(StreamingResponse):
    """Sends as long as the source yields; calls `done` however it ends."""

    media_type = MEDIA_TYPE

    def __init__(self, source: AsyncIterator[str], done: Callable[[], None]) -> None:
        super().__init__(source, headers=_FIELDS)
        self._done = done

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream; give up when the client reads nothing for a long time."""

        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await send(message)

        try:
            await super().__call__(scope, receive, send_in_time)
        except TimeoutError:
            return  # the server closes the connection, as the answer has no end
        finally:
            self._done()
