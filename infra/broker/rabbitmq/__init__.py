"""RabbitMQ: the only package that imports pika, whose exceptions and log lines stop here."""

from infra.broker.rabbitmq.connection import probe
from infra.broker.rabbitmq.consumer import RabbitConsumer
from infra.broker.rabbitmq.dead_letters import DeadLetter, DeadLetters, open_dead_letters
from infra.broker.rabbitmq.inspect import (
    Depths,
    declare_again,
    find_differences,
    find_unroutable,
    read_depths,
)
from infra.broker.rabbitmq.publisher import RabbitPublisher

__all__ = [
    "DeadLetter",
    "DeadLetters",
    "Depths",
    "RabbitConsumer",
    "RabbitPublisher",
    "declare_again",
    "find_differences",
    "find_unroutable",
    "open_dead_letters",
    "probe",
    "read_depths",
]
