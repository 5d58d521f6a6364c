"""Turns what pika reports into our error with a chosen sentence. Knows no connection."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from pika import exceptions  # type: ignore[import-untyped]  # pika ships no types
from pika.adapters.utils import (  # type: ignore[import-untyped]  # pika ships no types
    connection_workflow,
)

from infra.contract.errors import ErrorCode, ServiceUnavailable

_PRECONDITION_FAILED = 406
_SENTENCES: tuple[tuple[type[BaseException], str], ...] = (
    (
        exceptions.ProbableAuthenticationError,
        "RabbitMQ refuses the user name or the password in AMQP_URL.",
    ),
    (
        exceptions.AuthenticationError,
        "RabbitMQ refuses the user name or the password in AMQP_URL.",
    ),
    (
        exceptions.ProbableAccessDeniedError,
        "RabbitMQ refuses the virtual host in AMQP_URL: create it and give the user access.",
    ),
    (socket.gaierror, "The host name of RabbitMQ in AMQP_URL does not resolve."),
    (ssl.SSLError, "RabbitMQ and this process do not agree on TLS: check AMQP_URL."),
    (exceptions.ConnectionBlockedTimeout, "RabbitMQ takes no messages: it is short of resources."),
    (exceptions.ChannelClosedByBroker, "RabbitMQ refused a request and closed the channel."),
    (exceptions.ConnectionClosedByBroker, "RabbitMQ closed the connection."),
    (exceptions.AMQPHeartbeatTimeout, "RabbitMQ stopped answering heartbeats."),
    (
        connection_workflow.AMQPConnectorStackTimeout,
        "RabbitMQ accepted a connection and then said nothing.",
    ),
    (exceptions.StreamLostError, "The connection to RabbitMQ was lost."),
)


def unavailable(sentence: str) -> ServiceUnavailable:
    """Return the one error of this package."""
    return ServiceUnavailable(ErrorCode.BROKER_UNAVAILABLE, sentence)


def explain(error: BaseException) -> ServiceUnavailable:
    """Return our error for pika's; raise it `from` the original."""
    cause = _innermost(error)
    for kind, sentence in _SENTENCES:
        if isinstance(cause, kind):
            return unavailable(sentence)
    return unavailable("RabbitMQ does not answer.")


@contextmanager
def translated() -> Iterator[None]:
    """Translate what pika raises when it is called."""
    try:
        yield
    except (exceptions.AMQPError, OSError) as exc:
        raise explain(exc) from exc


def is_conflict(error: BaseException | None) -> bool:
    """Whether the broker said that something exists with other arguments."""
    return (
        isinstance(error, exceptions.ChannelClosedByBroker)
        and error.reply_code == _PRECONDITION_FAILED
    )


def _innermost(error: BaseException) -> BaseException:
    """Unwrap the reports of a failed attempt to connect, which nest the reason."""
    if isinstance(error, connection_workflow.AMQPConnectionWorkflowFailed):
        return _innermost(error.exceptions[-1])
    if isinstance(error, connection_workflow.AMQPConnectorPhaseErrorBase):
        return _innermost(error.exception)
    return error
