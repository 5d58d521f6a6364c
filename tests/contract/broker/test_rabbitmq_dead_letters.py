"""Dead letters when something dies in the middle: the process, the broker's goodwill."""

import subprocess
import sys
from typing import Any

import pika  # type: ignore[import-untyped]  # pika ships no types
import pytest

from infra.broker.rabbitmq import RabbitDeadLetters
from infra.broker.rabbitmq.queue_reader import QueueReader, Taken
from infra.contract.errors import ServiceUnavailable
from infra.contract.states import Lane
from infra.settings.sections import BrokerSettings
from infra.stack.ports import free_port
from tests.contract.broker.conftest import Consume
from tests.contract.broker.stage import RabbitStage, eventually, messages

# Takes two of the letters, says so, and waits for its end.
_VISITOR = """
import sys
from infra.broker.rabbitmq.queue_reader import QueueReader
from infra.broker.rabbitmq.connection import BrokerConnection
from infra.settings.sections import BrokerSettings

with BrokerConnection(BrokerSettings(url=sys.argv[1])) as connection:
    taken = QueueReader(connection, sys.argv[2]).messages()
    next(taken), next(taken)
    sys.stdout.write("holding\\n")
    sys.stdout.flush()
    connection.drive(lambda: False, 60)
"""


class Crash(Exception):
    """The end of the process, as far as the broker can tell."""


def put_aside(rabbit: RabbitStage, *bodies: bytes) -> list[str]:
    """Make dead letters; return their ids."""
    for body in bodies:
        rabbit.bury(body, Lane.INTERACTIVE)
    letters = rabbit.letters()
    assert eventually(lambda: letters.peek(0).total == len(bodies))
    return [letter.id for letter in letters.peek(10).letters]


def test_a_visitor_that_is_killed_takes_no_letter_with_it(rabbit: RabbitStage) -> None:
    before = put_aside(rabbit, b"one", b"two", b"three")
    queue = rabbit.topology.dead_queue.name
    visitor = subprocess.Popen(
        [sys.executable, "-c", _VISITOR, rabbit.settings.url, queue], stdout=subprocess.PIPE
    )
    try:
        assert visitor.stdout is not None
        assert visitor.stdout.readline() == b"holding\n"
        assert rabbit.letters().peek(0).total < 3
    finally:
        visitor.kill()
        visitor.communicate()
    assert eventually(lambda: rabbit.letters().peek(0).total == 3)
    assert {letter.id for letter in rabbit.letters().peek(10).letters} == set(before)


def test_a_crash_between_publishing_and_removing_leaves_the_letter_beside_its_copy(
    rabbit: RabbitStage, consume: Consume, monkeypatch: pytest.MonkeyPatch
) -> None:
    (message,) = messages(1)
    names = put_aside(rabbit, message.encode())

    def crash(self: QueueReader, taken: Taken) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(QueueReader, "remove", crash)
        with pytest.raises(Crash):
            rabbit.letters().replay(names)
    consumption = consume(rabbit)
    assert consumption.next_id() == message.job_id
    assert eventually(lambda: rabbit.letters().peek(0).total == 1)
    rabbit.letters().replay(names)
    assert consumption.next_id() == message.job_id
    assert rabbit.letters().peek(0).total == 0


def test_a_letter_whose_lane_refuses_it_stays(rabbit: RabbitStage) -> None:
    names = put_aside(rabbit, b"one", b"two", b"three")
    with rabbit.full_lane(), pytest.raises(ServiceUnavailable, match="refused"):
        rabbit.letters().replay(names)
    assert eventually(lambda: 0 < rabbit.letters().peek(0).total < 3)
    left = [letter.id for letter in rabbit.letters().peek(10).letters]
    assert list(rabbit.letters().replay(left).done) == left


def test_a_replayed_body_is_stored_on_disk_with_the_sender_s_own_properties(
    rabbit: RabbitStage,
) -> None:
    put_aside(rabbit, b"plain")

    def bury_with_properties(channel: Any) -> None:
        properties = pika.BasicProperties(
            content_type="application/json", message_id="m1", headers={"tenant": "t", "x-own": 1}
        )
        exchange = rabbit.topology.dead_exchange.name
        channel.basic_publish(exchange, str(Lane.BULK), b"rich", properties)

    rabbit.operate(bury_with_properties)
    assert eventually(lambda: rabbit.letters().peek(0).total == 2)
    letters = {letter.death.body: letter.id for letter in rabbit.letters().peek(10).letters}
    rabbit.letters().replay([letters[b"rich"]])
    queue = rabbit.topology.queue(Lane.BULK).name
    _, properties, body = rabbit.operate(lambda channel: channel.basic_get(queue))
    assert (body, properties.content_type, properties.message_id) == (
        b"rich",
        "application/json",
        "m1",
    )
    assert properties.delivery_mode == 2
    assert properties.headers["tenant"] == "t"
    assert "x-own" not in properties.headers


def test_hundreds_of_letters_are_replayed_and_none_is_lost(
    rabbit: RabbitStage, consume: Consume
) -> None:
    sent = messages(300)
    rabbit.publisher().publish(sent)
    consumption = consume(rabbit)
    for _ in sent:
        consumption.next().dead_letter()
    letters = rabbit.letters()
    assert eventually(lambda: letters.peek(0).total == 300)
    names = [letter.id for letter in letters.peek(1000).letters]
    assert list(letters.replay(names).done) == names
    assert {consumption.next_id() for _ in sent} == {message.job_id for message in sent}
    assert letters.peek(0).total == 0


def test_without_a_broker_every_visit_says_so() -> None:
    nobody = f"amqp://guest:guest@127.0.0.1:{free_port()}/"
    letters = RabbitDeadLetters(BrokerSettings(url=nobody))
    for slot in (
        lambda: letters.peek(1),
        lambda: letters.find("a"),
        lambda: letters.replay(["a"]),
        lambda: letters.purge(["a"]),
    ):
        with pytest.raises(ServiceUnavailable, match="RabbitMQ"):
            slot()
