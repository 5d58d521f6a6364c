"""Polls the jobs with listeners, once for all listeners of this process.

It asks PostgreSQL at intervals instead of waiting for notifications: those need a connection of
their own that no pooler may share, are lost whenever it breaks, and order all commits of all
writers behind one lock, while one short query, only while there are listeners, finds everything. A
listener holds neither a thread nor a connection, and never more than the newest snapshot: what
a slow one missed in between is no longer true anyway.

Everything here but the queries belongs to the event loop.
"""

import asyncio
from collections.abc import Collection
from enum import Enum, auto
from uuid import UUID

import structlog
from anyio import CapacityLimiter, to_thread

from api.events.places import Places
from api.schemas.ids import not_found
from infra.contract.errors import ServiceUnavailable
from infra.db.engine import Database
from tasks.jobs.snapshot import JobSnapshot, read_snapshots

log = structlog.get_logger(__name__)

_POLL_SECONDS = 0.35


class News(Enum):
    """What a listener learns when it asks for more."""

    CHANGE = auto()
    SILENCE = auto()  # nothing changed for as long as it wanted to wait
    GONE = auto()  # the job was removed, with its product
    CLOSED = auto()  # this process stops


class Listener:
    """One stream's view of its job; `job` is the newest snapshot."""

    def __init__(self, job: JobSnapshot, caller: str) -> None:
        self.job = job
        self.caller = caller
        self._news: News | None = None
        self._told = asyncio.Event()

    def tell(self, news: News, job: JobSnapshot | None = None) -> None:
        """Leave news for the listener; nothing comes after the end."""
        if self._news not in (News.GONE, News.CLOSED):
            self._news, self.job = news, job or self.job
        self._told.set()

    async def news(self, patience_seconds: float) -> News:
        """Return what there is, at the latest after this time."""
        try:
            async with asyncio.timeout(patience_seconds):
                await self._told.wait()
        except TimeoutError:
            return News.SILENCE
        self._told.clear()
        told, self._news = self._news or News.SILENCE, None
        return told


class JobWatcher:
    """The listeners of one process, and the task that looks while there are any."""

    def __init__(
        self,
        database: Database,
        places: Places,
        *,
        poll_seconds: float = _POLL_SECONDS,
    ) -> None:
        self._database = database
        self._places = places
        self._poll_seconds = poll_seconds
        self._listeners: set[Listener] = set()
        self._one_at_a_time = CapacityLimiter(1)
        self._looking: asyncio.Task[None] | None = None
        self._closed = False

    async def join(self, job_id: UUID, caller: str) -> Listener:
        """Return a listener, who has to `leave`; `caller` is the name that its streams count for.

        Raises `Rejected`: 404 when there is no such job, 429 when the caller has too many streams;
        and `ServiceUnavailable` when all together are too many, or PostgreSQL is away.
        """
        self._places.take(caller)
        try:
            listener = Listener(await self._read(job_id), caller)
            self._listeners.add(listener)
            if self._closed:
                listener.tell(News.CLOSED)
            elif self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._look(), name="job watcher")
        except BaseException:
            self._places.give_back(caller)
            raise
        return listener

    def leave(self, listener: Listener) -> None:
        """Let a listener go."""
        self._listeners.discard(listener)
        self._places.give_back(listener.caller)

    def close(self) -> None:
        """End all streams, because the process stops."""
        self._closed = True
        for listener in self._listeners:
            listener.tell(News.CLOSED)
        if self._looking is not None:
            self._looking.cancel()

    async def _read(self, job_id: UUID) -> JobSnapshot:
        jobs = await to_thread.run_sync(read_snapshots, self._database, [job_id])
        if job_id not in jobs:
            raise not_found(job_id, "job")
        return jobs[job_id]

    async def _look(self) -> None:
        in_outage = False
        while self._listeners and not self._closed:
            present = frozenset(self._listeners)  # who comes meanwhile knows something newer
            try:
                await self._tell_all(present)
                in_outage = False
            except ServiceUnavailable as exc:
                if not in_outage:
                    log.warning("job events wait", code=exc.code, reason=exc.detail)
                in_outage = True
            except Exception:  # the task must outlive any surprise; it is logged
                log.exception("looking at jobs failed")
            await asyncio.sleep(self._poll_seconds)

    async def _tell_all(self, listeners: Collection[Listener]) -> None:
        job_ids = {listener.job.id for listener in listeners}
        jobs = await to_thread.run_sync(
            read_snapshots, self._database, job_ids, limiter=self._one_at_a_time
        )
        for listener in listeners:
            job = jobs.get(listener.job.id)
            if job is None:
                listener.tell(News.GONE)
            elif job != listener.job:
                listener.tell(News.CHANGE, job)
