"""Parts of the system are killed, frozen or taken away under steady load; then all is counted.

Every job is posted with an idempotency key and a callback URL until it is accepted, as a careful
shop does. What must hold at the end: each job was accepted once, is ready, has one flow run that
completed and left no task run open, one set of variants, and one message at the receiver.
"""

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from enum import StrEnum
from time import monotonic
from typing import Any
from uuid import uuid4

import psutil
import requests
from sqlalchemy import select

from infra.contract.states import JobState
from infra.db.engine import Database
from infra.db.models.catalogue import Product
from infra.db.models.jobs import Job
from tests.integration.webhooks.receiver import Receiver
from tests.pictures import PictureServer
from tests.rabbit import dead_letters
from tests.support.evidence import REAPED_SECONDS, small
from tests.waiting import eventually
from tests.world import World

AWAY_SECONDS = 20.0
_ACCEPT_SECONDS = 120.0
_SETTLE_SECONDS = 1200.0
_TOLD_SECONDS = 300.0
_LATER = (409, 429, 503)  # another request under this key is at work; come back later
_NO_ANSWER = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
_FIRST_SEED = 700_000
_PAGE, _MOST_RUNS = 200, 4_000
VARIANTS_OF_SMALL = 4  # of a picture of 320 px: its own width and 200 px, AVIF and JPEG


class Fault(StrEnum):
    """What happens to a part."""

    KILLED = "killed"  # with SIGKILL; the supervisor starts it again
    FROZEN = "frozen"  # with SIGSTOP for `AWAY_SECONDS`: connections stay, nothing answers
    AWAY = "away"  # stopped for `AWAY_SECONDS`


def inflict(world: World, parts: Sequence[str], fault: Fault) -> None:
    """Let the fault happen to all of the parts at once, and end."""
    if fault is Fault.KILLED:
        for part in parts:
            world.stack.part(part).kill()
        for part in parts:
            world.stack.part(part).wait_until_ready()
        return
    with _away(world, parts) if fault is Fault.AWAY else _frozen(world, parts):
        since = monotonic()
        eventually(lambda: monotonic() - since > AWAY_SECONDS, "", seconds=AWAY_SECONDS + 5)


@contextmanager
def _away(world: World, parts: Sequence[str]) -> Iterator[None]:
    """Start the parts at once afterwards: some are ready only when others are."""
    keepers = [world.stack.part(part) for part in parts]
    for keeper in keepers:
        keeper.stop()
    try:
        yield
    finally:
        with ThreadPoolExecutor(len(keepers)) as beside:
            started = [beside.submit(keeper.start) for keeper in keepers]
        for each in started:
            each.result()


@contextmanager
def _frozen(world: World, parts: Sequence[str]) -> Iterator[None]:
    """Hold the parts' processes and all below them still."""
    processes = [psutil.Process(world.stack.part(part).pid) for part in parts]
    below = [child for process in processes for child in process.children(recursive=True)]
    held = [*processes, *below]
    for each in held:
        _signal(each.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in held:
            _signal(each.pid, signal.SIGCONT)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return  # a child that had ended already


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """Keep the machine's cores busy with this many processes."""
    context = multiprocessing.get_context("spawn")
    loops = [context.Process(target=_burn, daemon=True) for _ in range(count)]
    for loop in loops:
        loop.start()
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.join()


def _burn() -> None:
    while True:
        pass


class Ordeal:
    """Jobs under way in a system to which something happens."""

    def __init__(self, world: World, pictures: PictureServer, database: Database) -> None:
        self._world = world
        self._pictures = pictures
        self._database = database
        self._mark = f"ordeal-{uuid4()}"
        self._receiver = Receiver()

    def undergo(self, jobs: int, happening: Callable[[], None]) -> None:
        """Post half of the jobs, let it happen while the others are posted, then count."""
        letters = dead_letters(self._world.stack.description.amqp_url)
        with self._receiver, ThreadPoolExecutor(1) as beside:
            ids = [self._accepted(number) for number in range(jobs // 2)]
            happened = beside.submit(happening)
            ids += [self._accepted(number) for number in range(jobs // 2, jobs)]
            happened.result(_SETTLE_SECONDS)
            assert len(set(ids)) == jobs
            self._all_ready(jobs)
            self._each_has_one_set_of_variants(ids)
            self._each_has_one_run_that_completed(ids)
            self._each_was_told_once(ids)
        assert dead_letters(self._world.stack.description.amqp_url) == letters

    def _accepted(self, number: int) -> str:
        """Post a job, again and again under the same key until it is accepted."""
        body = {
            "image_url": small(self._pictures, _FIRST_SEED + number),
            "sku": f"{self._mark}-{number}",
            "callback_url": self._receiver.url,
        }
        headers = {"Idempotency-Key": f"{self._mark}-{number}"}

        def post() -> str | None:
            try:
                answer = self._world.call("POST", "/process-image", json=body, headers=headers)
            except _NO_ANSWER:
                return None  # the API was killed, or is frozen: what became of it is not known
            assert answer.status_code == 202 or answer.status_code in _LATER, answer.text
            return str(answer.json()["job_id"]) if answer.status_code == 202 else None

        return eventually(post, f"job {number} is accepted", seconds=_ACCEPT_SECONDS)

    def _all_ready(self, jobs: int) -> None:
        """No request was accepted twice, and each job ends well."""
        ours = select(Job.state).join(Product).where(Product.sku.like(f"{self._mark}-%"))

        def look() -> bool:
            with self._database.transaction() as session:
                states = Counter(session.scalars(ours))
            return states == {JobState.READY: jobs}

        eventually(look, "all jobs are ready", seconds=_SETTLE_SECONDS, every_seconds=1)

    def _each_has_one_set_of_variants(self, ids: Sequence[str]) -> None:
        for job_id in ids:
            (image,) = self._world.job(job_id)["images"]
            assert len({variant["name"] for variant in image["variants"]}) == VARIANTS_OF_SMALL
            assert len(image["variants"]) == VARIANTS_OF_SMALL

    def _each_has_one_run_that_completed(self, ids: Sequence[str]) -> None:
        def look() -> bool:
            ours = set(ids)
            runs = [run for run in self._runs() if run["parameters"].get("job_id") in ours]
            named = Counter(run["parameters"]["job_id"] for run in runs)
            assert set(named.values()) == {1}, named
            return len(runs) == len(ids) and {run["state"]["type"] for run in runs} == {"COMPLETED"}

        eventually(look, "each run has completed", seconds=REAPED_SECONDS, every_seconds=2)
        eventually(self._no_task_is_open, "no task run is open", seconds=REAPED_SECONDS)

    def _runs(self) -> Iterator[Any]:
        """Yield the flow runs that began since the first post, newest first."""
        for offset in range(0, _MOST_RUNS, _PAGE):
            page = self._world.flow_runs(
                flows={"name": {"any_": ["process-product"]}},
                sort="START_TIME_DESC",
                limit=_PAGE,
                offset=offset,
            )
            yield from page
            if len(page) < _PAGE:
                return

    def _no_task_is_open(self) -> bool:
        states = {"type": {"any_": ["RUNNING", "PENDING"]}}
        wanted = {"task_runs": {"state": states}, "flows": {"name": {"any_": ["process-product"]}}}
        return not self._world.prefect("POST", "/task_runs/filter", wanted)

    def _each_was_told_once(self, ids: Sequence[str]) -> None:
        """Each job has one message; a message may arrive more often, under its one id."""

        def look() -> bool:
            return len({each.id for each in self._receiver.received}) >= len(ids)

        eventually(look, "each job is told to its callback", seconds=_TOLD_SECONDS)
        told = {each.id: each.body["data"]["job_id"] for each in self._receiver.received}
        assert Counter(told.values()) == Counter(ids)
