"""A worker that dies of a surprise: a supervisor sees it, its log says why, and no job is lost."""

import signal
import sys

import pytest

from tests.pictures import PictureServer
from tests.support.evidence import small
from tests.support.own_workers import Hiring
from tests.world import World

_SECONDS = 120.0
_CONSUMER = """
from infra.broker.rabbitmq import RabbitConsumer

consume = RabbitConsumer.run

def surprise(delivery):
    raise RecursionError("a surprise in the consumer")

RabbitConsumer.run = lambda self, _: consume(self, surprise)
"""
_EVENT_LOOP = """
from flows.bridge.consumer import Bridge

async def surprise(self, delivery):
    raise SystemExit("a surprise in the event loop")

Bridge.handle = surprise
"""
_BEGIN = """
from flows.worker import main

main()
"""

pytestmark = pytest.mark.usefixtures("off_duty")


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (_CONSUMER, "a surprise in the consumer"),
        (_EVENT_LOOP, "a surprise in the event loop"),
    ],
    ids=["consumer", "event_loop"],
)
def test_a_worker_that_meets_a_surprise_ends_with_a_status_and_its_cause_in_the_log(
    world: World, pictures: PictureServer, hire: Hiring, fault: str, cause: str
) -> None:
    url = small(pictures, 6900 + len(fault))
    worker = hire(sys.executable, "-c", fault + _BEGIN)
    job_id = world.post(url)["job_id"]

    status = worker.ended()
    said = worker.text
    hire()
    job = world.finished(job_id, seconds=_SECONDS)

    assert status == 1
    assert "worker gives up" in said
    assert cause in said
    assert "Traceback" in said
    assert (job["state"], job["attempts"]) == ("ready", 1)


def test_a_worker_that_is_killed_ends_with_the_signal_as_its_status(
    world: World, pictures: PictureServer, hire: Hiring
) -> None:
    worker = hire()
    job_id = world.post(small(pictures, 6990))["job_id"]
    job = world.finished(job_id, seconds=_SECONDS)

    status = worker.kill()

    assert job["state"] == "ready"
    assert status == -signal.SIGKILL
    assert "worker stopped" not in worker.text
