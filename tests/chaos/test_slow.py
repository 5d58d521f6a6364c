"""A part that is slow is not away: the intake stays open. One that is frozen is, and is told."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import pytest

from infra.stack.stack import Stack
from tests.pictures import PictureServer
from tests.running.busy import SlowRelay, busy_loops
from tests.running.evidence import small
from tests.running.holding import frozen
from tests.running.own_workers import Hiring, OwnWorker
from tests.waiting import eventually
from tests.world import World

_FROZEN_SECONDS = 20.0
_CLOSES_SECONDS = 10.0
_OPENS_SECONDS = 5.0
_PATIENCE_SECONDS = 240.0
_LOOPS = 12

pytestmark = pytest.mark.usefixtures("off_duty")


@pytest.fixture(scope="module")
def worker(
    stack: Stack, off_duty: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OwnWorker]:
    """A worker whose log tells of these tests alone."""
    hiring = Hiring(stack, tmp_path_factory.mktemp("slow"))
    yield hiring()
    hiring.let_all_go()


def all_ready(world: World, job_ids: list[str]) -> None:
    jobs = [world.finished(each, seconds=_PATIENCE_SECONDS, every_seconds=0.5) for each in job_ids]
    assert {(job["state"], job["attempts"]) for job in jobs} == {("ready", 1)}


def test_the_gate_stays_open_while_prefect_is_slow_to_say_that_it_is_ready(
    world: World, pictures: PictureServer, hire: Hiring
) -> None:
    url = world.stack.description.prefect_api
    port = urlsplit(url).port
    assert port is not None
    marked = f"GET {urlsplit(url).path}/ready ".encode()
    with SlowRelay(port, marked=marked, marked_seconds=3.0, seconds=0.2) as relay:
        slow = hire(PREFECT_API_URL=url.replace(str(port), str(relay.port)))
        all_ready(world, [world.post(small(pictures, 8000 + n))["job_id"] for n in range(4)])
        assert "worker pauses" not in slow.text
        slow.stop()


def test_no_proxy_stands_between_a_worker_and_its_parts(
    world: World, pictures: PictureServer, hire: Hiring
) -> None:
    nowhere = "http://127.0.0.1:9"
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy", "ws_proxy")
    behind = hire(**dict.fromkeys(names, nowhere), NO_PROXY="", no_proxy="")
    all_ready(world, [world.post(small(pictures, 8050))["job_id"]])
    assert "worker pauses" not in behind.text
    behind.stop()


def test_the_gate_stays_open_on_a_busy_machine_and_no_lease_is_lost(
    world: World, pictures: PictureServer, worker: OwnWorker
) -> None:
    before = len(worker.text)
    with busy_loops(_LOOPS, seconds=_PATIENCE_SECONDS):
        all_ready(world, [world.post(small(pictures, 8100 + n))["job_id"] for n in range(24)])
    said = worker.text[before:]

    assert "worker pauses" not in said
    assert "lease lost" not in said


def seconds_until(log: Path, start: int, words: str) -> float:
    """Return the seconds until these words are in what a log has had since `start`."""
    since = monotonic()
    eventually(lambda: words in log.read_text(errors="replace")[start:], words, seconds=30)
    return monotonic() - since


@pytest.mark.parametrize("part", ["prefect", "s3"])
def test_a_frozen_part_closes_the_gate_in_time_and_opens_it_in_time(
    part: str, world: World, pictures: PictureServer, worker: OwnWorker
) -> None:
    start = len(worker.text)
    with frozen(world, part):
        since = monotonic()
        closes = seconds_until(worker.log, start, "worker pauses")
        eventually(lambda: monotonic() - since >= _FROZEN_SECONDS, "time", seconds=60)
    opens = seconds_until(worker.log, start, "worker goes on")
    all_ready(world, [world.post(small(pictures, 8200 + len(part)))["job_id"]])

    assert closes <= _CLOSES_SECONDS
    assert opens <= _OPENS_SECONDS
