"""Sets the stage for the broker suite: the fake, and RabbitMQ itself."""

from collections.abc import Callable, Iterator

import pytest

from infra.broker.broker import Prefetch
from infra.stack.stack import Stack
from tests.contract.broker.stage import WIDE, Consumption, MemoryStage, RabbitStage, Stage

Consume = Callable[..., Consumption]


class StackNode:
    """The private stack's RabbitMQ, which these tests stop and start."""

    def __init__(self, stack: Stack) -> None:
        self.url = stack.description.amqp_url
        self._part = stack.part("rabbitmq")

    def stop(self) -> None:
        self._part.stop()

    def start(self) -> None:
        self._part.start()


@pytest.fixture
def rabbit(stack: Stack) -> Iterator[RabbitStage]:
    stage = RabbitStage(StackNode(stack))
    yield stage
    stage.close()


@pytest.fixture(params=["memory", "rabbitmq"])
def stage(request: pytest.FixtureRequest) -> Stage:
    if request.param == "memory":
        return MemoryStage()
    rabbit: RabbitStage = request.getfixturevalue("rabbit")
    return rabbit


@pytest.fixture
def consume() -> Iterator[Consume]:
    running: list[Consumption] = []

    def start(stage: Stage, prefetch: Prefetch = WIDE) -> Consumption:
        running.append(Consumption(stage.consumer(prefetch)))
        return running[-1]

    yield start
    for consumption in running:
        consumption.close()
