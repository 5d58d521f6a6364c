"""The broker that AMQP_URL names, or the local stack's, for commands that look into it."""

from typing import Any

from infra.broker.letters import DeadLetters
from infra.broker.rabbitmq import RabbitDeadLetters
from infra.settings import BrokerSettings, SettingsError, StackSettings
from infra.stack.description import FILE_NAME, StackDescription
from infra.stack.failure import StackError


def open_letters(**changes: Any) -> DeadLetters:
    """Return the dead letters; `changes` replace settings. Connects to nothing yet."""
    return RabbitDeadLetters(_settings().model_copy(update=changes))


def _settings() -> BrokerSettings:
    stack = StackSettings.load()
    if stack.amqp_url is not None:
        return BrokerSettings.load()
    try:
        description = StackDescription.load(stack.stack_directory / FILE_NAME)
    except StackError as exc:
        raise SettingsError(
            "AMQP_URL is not set, and no local stack runs here. Set it, or start one: make run."
        ) from exc
    return BrokerSettings.load(url=description.amqp_url)
