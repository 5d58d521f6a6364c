"""Answers whether RabbitMQ can be reached, for a readiness check. Declares nothing."""

from infra.broker.rabbitmq.connection import BrokerConnection
from infra.settings.sections import BrokerSettings


def probe(settings: BrokerSettings) -> None:
    """Connect, open a channel and leave; raise `ServiceUnavailable` when that fails."""
    with BrokerConnection(settings):
        pass
