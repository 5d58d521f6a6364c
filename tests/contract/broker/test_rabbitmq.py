"""What only a real RabbitMQ can do to its clients."""

from time import monotonic
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from infra.broker.rabbitmq import RabbitConsumer, RabbitPublisher, probe
from infra.broker.topology import Queue
from infra.contract.errors import ServiceUnavailable
from infra.contract.states import Lane
from infra.settings.sections import BrokerSettings
from infra.stack.ports import free_port
from tests.contract.broker.conftest import Consume
from tests.contract.broker.stage import WIDE, Consumption, RabbitStage, eventually, messages

OVER_THREE_HEARTBEATS_SECONDS = 4.0  # the stage asks for one a second


def _delete(rabbit: RabbitStage, queue: Queue) -> None:
    rabbit.operate(lambda channel: channel.queue_delete(queue.name))


def test_a_delivery_may_be_held_for_longer_than_heartbeats_allow_silence(
    rabbit: RabbitStage, consume: Consume
) -> None:
    rabbit.publisher().publish(messages(1))
    with capture_logs() as logs:
        consumption = consume(rabbit)
        delivery = consumption.next()
        assert consumption.is_quiet(OVER_THREE_HEARTBEATS_SECONDS)
        delivery.ack()
        consumption.close()
    assert logs == []  # it was one connection all the time
    assert consume(rabbit).is_quiet()


def test_a_pumped_publisher_keeps_its_connection(rabbit: RabbitStage) -> None:
    publisher = rabbit.publisher()
    publisher.publish(messages(1))
    with capture_logs() as logs:
        deadline = monotonic() + OVER_THREE_HEARTBEATS_SECONDS
        while monotonic() < deadline:
            publisher.pump()
            eventually(lambda: False, seconds=0.05)
        publisher.publish(messages(1))
    assert logs == []


def test_a_publisher_that_was_not_pumped_connects_again(
    rabbit: RabbitStage, consume: Consume
) -> None:
    publisher = rabbit.publisher()
    publisher.publish(messages(1))
    deadline = monotonic() + OVER_THREE_HEARTBEATS_SECONDS
    eventually(lambda: monotonic() > deadline)
    with capture_logs() as logs:
        publisher.publish(messages(1))
    assert [line["event"] for line in logs] == ["publisher_lost_broker"]
    consumption = consume(rabbit)
    assert consumption.next_id() != consumption.next_id()


def test_a_message_without_a_queue_is_not_taken_for_published(
    rabbit: RabbitStage, consume: Consume
) -> None:
    publisher = rabbit.publisher()
    publisher.publish(messages(1, Lane.BULK))
    _delete(rabbit, rabbit.topology.queue(Lane.INTERACTIVE))
    sent = [*messages(2, Lane.BULK), *messages(1)]
    with pytest.raises(ServiceUnavailable, match="no queue"):
        publisher.publish(sent)
    publisher.publish(sent)  # the queue has been declared again
    assert consume(rabbit, WIDE).next().lane in Lane


def test_a_message_that_a_queue_refuses_is_not_taken_for_published(rabbit: RabbitStage) -> None:
    publisher = rabbit.publisher()
    publisher.publish(messages(1))
    with rabbit.full_lane(), pytest.raises(ServiceUnavailable, match="refused"):
        publisher.publish(messages(20))
    publisher.publish(messages(20))


def test_a_queue_with_other_arguments_is_named_with_what_to_do(rabbit: RabbitStage) -> None:
    name = rabbit.topology.queue(Lane.BULK).name
    rabbit.operate(lambda channel: channel.queue_declare(name, durable=True))
    with pytest.raises(ServiceUnavailable, match=f"{name} .* delete it") as caught:
        rabbit.publisher().publish(messages(1))
    assert "AMQP_QUEUE_PREFIX" in caught.value.detail


def test_a_consumer_whose_queue_is_deleted_declares_it_again(
    rabbit: RabbitStage, consume: Consume
) -> None:
    publisher = rabbit.publisher()
    publisher.publish(messages(1))
    consumption = consume(rabbit)
    consumption.next_id()
    with capture_logs() as logs:
        _delete(rabbit, rabbit.topology.queue(Lane.INTERACTIVE))
        assert eventually(lambda: len(logs) == 2)
        publisher.publish(messages(1))
        consumption.next_id()
    events = [line["event"] for line in logs]
    assert events == ["consumer_lost_broker", "consumer_back_at_broker"]


def test_a_long_outage_is_logged_once_and_does_not_delay_closing() -> None:
    nobody = f"amqp://guest:guest@127.0.0.1:{free_port()}/"
    settings = BrokerSettings(url=nobody, reconnect_max_seconds=0.05)
    with capture_logs() as logs:
        consumption = Consumption(RabbitConsumer(settings, WIDE))
        assert consumption.is_quiet(0.5)  # about a dozen attempts
        started = monotonic()
        consumption.close()
    assert monotonic() - started < 1
    assert [line["event"] for line in logs] == ["consumer_lost_broker"]


def test_the_probe_is_content_with_a_running_broker(rabbit: RabbitStage) -> None:
    probe(rabbit.settings)


@pytest.mark.parametrize(
    ("user", "password", "sentence"),
    [(None, "wrong", "password in AMQP_URL"), ("nobody", None, "user name")],
)
def test_the_probe_says_what_is_wrong_with_the_credentials(
    rabbit: RabbitStage, user: str | None, password: str | None, sentence: str
) -> None:
    right = urlsplit(rabbit.settings.url)
    address = f"{user or right.username}:{password or right.password}@127.0.0.1:{right.port}"
    with pytest.raises(ServiceUnavailable, match=sentence):
        probe(BrokerSettings(url=f"amqp://{address}/%2F"))


def test_the_probe_says_that_the_virtual_host_is_missing(rabbit: RabbitStage) -> None:
    elsewhere = urlsplit(rabbit.settings.url)._replace(path="/elsewhere").geturl()
    with pytest.raises(ServiceUnavailable, match="virtual host"):
        probe(BrokerSettings(url=elsewhere))


def test_closing_a_publisher_twice_is_fine(rabbit: RabbitStage) -> None:
    publisher = RabbitPublisher(rabbit.settings)
    publisher.publish(messages(1))
    publisher.close()
    publisher.close()
