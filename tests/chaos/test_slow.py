"""A part that is slow is not away: the intake stays open. One that is frozen is, and is told."""

from time import monotonic
from urllib.parse import urlsplit

import pytest

from tests.pictures import PictureServer
from tests.support.evidence import small
from tests.support.faults.busy import SlowRelay
from tests.support.faults.holding import frozen
from tests.support.own_workers import Hiring
from tests.support.prefect_hands import LogFrom, worker_log
from tests.waiting import eventually
from tests.world import World

_FROZEN_SECONDS = 12.0
_CLOSES_SECONDS = 10.0
_OPENS_SECONDS = 5.0
_PATIENCE_SECONDS = 240.0
_NOWHERE = "http://127.0.0.1:9"
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy", "ws_proxy")


def all_ready(world: World, job_ids: list[str]) -> None:
    jobs = [world.finished(each, seconds=_PATIENCE_SECONDS) for each in job_ids]
    assert {(job["state"], job["attempts"]) for job in jobs} == {("ready", 1)}


@pytest.mark.usefixtures("off_duty")
def test_the_gate_stays_open_while_prefect_is_slow_to_say_that_it_is_ready_and_is_asked_directly(
    world: World, pictures: PictureServer, hire: Hiring
) -> None:
    url = world.stack.description.prefect_api
    port = urlsplit(url).port
    assert port is not None
    marked = f"GET {urlsplit(url).path}/ready ".encode()
    proxies = dict.fromkeys(_PROXIES, _NOWHERE)
    with SlowRelay(port, marked=marked, marked_seconds=3.0, seconds=0.2) as relay:
        relayed = url.replace(str(port), str(relay.port))
        slow = hire(**proxies, NO_PROXY="", no_proxy="", PREFECT_API_URL=relayed)
        all_ready(world, [world.post(small(pictures, 8000 + n))["job_id"] for n in range(4)])
        assert "worker pauses" not in slow.text
        slow.stop()


def seconds_until(log: LogFrom, words: str) -> float:
    """Return the seconds until these words are in the log."""
    since = monotonic()
    log.wait_for(words)
    return monotonic() - since


@pytest.mark.parametrize("part", ["prefect", pytest.param("s3", marks=pytest.mark.thorough)])
def test_a_frozen_part_closes_the_gate_in_time_and_opens_it_in_time(
    part: str, world: World, pictures: PictureServer
) -> None:
    log = worker_log(world)
    with frozen(world, part):
        since = monotonic()
        closes = seconds_until(log, "worker pauses")
        eventually(lambda: monotonic() - since >= _FROZEN_SECONDS, "time", seconds=60)
    opens = seconds_until(log, "worker goes on")
    all_ready(world, [world.post(small(pictures, 8200 + len(part)))["job_id"]])

    assert closes <= _CLOSES_SECONDS
    assert opens <= _OPENS_SECONDS
