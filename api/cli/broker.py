"""The broker that AMQP_URL names, or the local stack's, for commands that look into it."""

from typing import Any

from api.cli.local_stack import running_stack
from infra.broker.dead_letters import DeadLetters
from infra.broker.rabbitmq import RabbitDeadLetters
from infra.settings.sections import BrokerSettings, StackSettings


def open_letters(**changes: Any) -> DeadLetters:
    """Return the dead letters; `changes` replace settings. Connects to nothing yet."""
    return RabbitDeadLetters(_settings().model_copy(update=changes))


def _settings() -> BrokerSettings:
    stack = StackSettings.load()
    if stack.amqp_url is not None:
        return BrokerSettings.load()
    running = running_stack(stack, instead_of="AMQP_URL")
    return BrokerSettings.load(url=running.amqp_url)
