"""One connection with one channel, driven by the thread that opened it.

Built on pika's callback connection, because the blocking one waits for each publisher confirm
in turn, and without a deadline. Callbacks only note what happened; the caller acts on it
between turns of the loop, so that no other exception passes through pika.
"""

import logging
from collections.abc import Callable
from contextlib import ExitStack, suppress
from threading import Lock
from time import monotonic
from typing import Any, Self

import pika  # type: ignore[import-untyped]  # pika ships no types
from pika.adapters.select_connection import (  # type: ignore[import-untyped]  # pika ships no types
    IOLoop,
)

from infra.broker.rabbitmq.errors import explain, translated, unavailable
from infra.contract.errors import ServiceUnavailable
from infra.settings.sections import BrokerSettings

CLOSE_SECONDS = 2.0
# pika bounds the attempt at each address of the host, but not the search for addresses.
ADDRESSES = 3

# pika logs each failed attempt as an error, with a traceback. Its exceptions say the same, and
# their handlers decide what is worth a line.
logging.getLogger("pika").setLevel(logging.CRITICAL)


def _nothing(*_: object) -> None:
    """Do nothing, but in the loop, which thereby returns to its caller."""


class BrokerConnection:
    """For one use: opened, closed, forgotten. Only `wake` may be called from other threads."""

    def __init__(self, settings: BrokerSettings) -> None:
        self.channel: Any = None
        self._settings = settings
        self._loop = IOLoop()
        self._connection: Any = None
        self._lost: list[BaseException] = []
        self._closed = False
        self._closing = Lock()  # between `wake` and the end of the loop

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Connect and open the channel, or raise `ServiceUnavailable` and leave nothing open."""
        with ExitStack() as undo:
            undo.callback(self.close)  # an interrupted attempt must not leave a socket either
            self._loop.activate_poller()
            outcome: list[Any] = []
            pika.SelectConnection.create_connection(
                [parameters(self._settings)], on_done=outcome.append, custom_ioloop=self._loop
            )
            patience = ADDRESSES * self._settings.connect_timeout_seconds
            if not self.drive(lambda: bool(outcome), patience):
                raise unavailable("The host name of RabbitMQ in AMQP_URL does not resolve in time.")
            if isinstance(outcome[0], BaseException):
                raise explain(outcome[0]) from outcome[0]
            self._connection = outcome[0]
            self._connection.add_on_close_callback(self._note_loss)
            channels: list[Any] = []
            with translated():
                self._connection.channel(on_open_callback=channels.append)
            channel = self._first(channels)
            channel.add_on_close_callback(self._note_loss)
            self.channel = channel
            undo.pop_all()

    def drive(self, until: Callable[[], bool], seconds: float) -> bool:
        """Serve the connection until the condition holds; False when time is up before.

        Does one turn at least, unless the condition holds already. Raises
        `ServiceUnavailable` when the connection or its channel is lost.
        """
        deadline = monotonic() + seconds
        alarm = self._loop.call_later(seconds, _nothing)
        try:
            while not until():
                self._loop.poll()
                self._loop.process_timeouts()
                if self._lost:
                    raise explain(self._lost[0]) from self._lost[0]
                if monotonic() >= deadline:
                    return until()
        finally:
            self._loop.remove_timeout(alarm)
        return True

    def ask(self, request: Callable[..., object], **arguments: object) -> Any:
        """Make a request of pika's that takes a `callback`, and return its answer."""
        answers: list[Any] = []
        with translated():
            request(callback=answers.append, **arguments)
        return self._first(answers)

    def wake(self) -> None:
        """Make `drive` look at its condition again. No effect on a closed connection."""
        with self._closing:
            if not self._closed:
                self._loop.add_callback_threadsafe(_nothing)

    def close(self) -> None:
        """Say good-bye if the broker listens, then let go."""
        try:
            if self._connection is not None and self._connection.is_open:
                self._connection.close()
                deadline = monotonic() + CLOSE_SECONDS
                while not self._connection.is_closed and (left := deadline - monotonic()) > 0:
                    with suppress(ServiceUnavailable):  # noted; what remains is to let go
                        self.drive(lambda: bool(self._connection.is_closed), left)
        finally:
            with self._closing:
                if not self._closed:
                    self._closed = True
                    self._loop.close()

    def _first(self, answers: list[Any]) -> Any:
        if not self.drive(lambda: bool(answers), self._settings.connect_timeout_seconds):
            raise unavailable("RabbitMQ did not answer a request in time.")
        return answers[0]

    def _note_loss(self, _source: object, error: BaseException) -> None:
        self._lost.append(error)


def probe(settings: BrokerSettings) -> None:
    """Connect, open a channel and leave; raise `ServiceUnavailable` when that fails."""
    with BrokerConnection(settings):
        pass


def parameters(settings: BrokerSettings) -> Any:
    """Return pika's view of the settings: one attempt, all waits bounded."""
    chosen = pika.URLParameters(settings.url)
    chosen.heartbeat = settings.heartbeat_seconds
    chosen.connection_attempts = 1
    chosen.socket_timeout = settings.connect_timeout_seconds
    chosen.stack_timeout = settings.connect_timeout_seconds
    chosen.blocked_connection_timeout = settings.confirm_timeout_seconds
    return chosen
