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
from flows.bridge.consumer import JobConsumer

async def surprise(self, delivery):
    raise SystemExit("a surprise in the event loop")

JobConsumer.handle = surprise
"""
_BEGIN = """
from flows.worker.__main__ import main

main()
"""

pytestmark = pytest.mark.usefixtures("off_duty")


def test_a_worker_that_dies_tells_its_status_and_its_cause_and_loses_no_job(
    world: World, pictures: PictureServer, hire: Hiring
) -> None:
    job_id = world.post(small(pictures, 6900))["job_id"]
    for fault, cause in (
        (_CONSUMER, "a surprise in the consumer"),
        (_EVENT_LOOP, "a surprise in the event loop"),
    ):
        worker = hire.start(sys.executable, "-c", fault + _BEGIN)

        assert worker.ended() == 1
        assert "worker gives up" in worker.text
        assert cause in worker.text
        assert "Traceback" in worker.text

    successor = hire()
    job = world.finished(job_id, seconds=_SECONDS)
    assert (job["state"], job["attempts"]) == ("ready", 1)

    assert successor.kill() == -signal.SIGKILL
    assert "worker stopped" not in successor.text
