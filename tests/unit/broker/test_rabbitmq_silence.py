"""A broker that accepts connections and then says nothing must not hold anyone up."""

import socket
from collections.abc import Iterator
from time import monotonic

import pytest

from infra.broker.rabbitmq import RabbitPublisher, probe
from infra.contract.errors import ErrorCode, ServiceUnavailable
from infra.contract.messages import JobMessage
from infra.settings.sections import BrokerSettings

JOB = "0190a5b0-0000-7000-8000-000000000000"


@pytest.fixture
def silent() -> Iterator[BrokerSettings]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        yield BrokerSettings(url=f"amqp://127.0.0.1:{port}/", connect_timeout_seconds=0.3)


def test_the_probe_gives_up_in_time(silent: BrokerSettings) -> None:
    started = monotonic()
    with pytest.raises(ServiceUnavailable) as caught:
        probe(silent)
    assert caught.value.code == ErrorCode.BROKER_UNAVAILABLE
    assert monotonic() - started < 2


def test_publishing_gives_up_in_time(silent: BrokerSettings) -> None:
    message = JobMessage.decode(f'{{"version": 1, "job_id": "{JOB}", "lane": "bulk"}}'.encode())
    started = monotonic()
    with pytest.raises(ServiceUnavailable):
        RabbitPublisher(silent).publish([message])
    assert monotonic() - started < 2


def test_a_refused_connection_is_reported_at_once(silent: BrokerSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ServiceUnavailable, match="RabbitMQ does not answer"):
        probe(BrokerSettings(url=f"amqp://127.0.0.1:{port}/"))


def test_an_unknown_host_is_reported_as_such() -> None:
    with pytest.raises(ServiceUnavailable, match="does not resolve"):
        probe(BrokerSettings(url="amqp://broker.invalid/"))
