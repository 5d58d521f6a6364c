"""Counts a batch's publisher confirms. Knows pika's frames, and no connection."""

from typing import Any

from pika import spec  # type: ignore[import-untyped]  # pika ships no types


class PublisherConfirms:
    """Which messages of the batch the broker has not answered for, and which it did not take."""

    def __init__(self) -> None:
        self.refused = 0
        self.unroutable = 0
        self._last_tag = 0
        self._open: set[int] = set()

    def expect(self) -> None:
        """Note one more published message; the broker numbers them from 1 per channel."""
        self._last_tag += 1
        self._open.add(self._last_tag)

    def begin(self) -> None:
        """Start a new batch on the same channel."""
        self.refused = 0
        self.unroutable = 0
        self._open.clear()

    def is_settled(self) -> bool:
        """Whether the broker has answered for all."""
        return not self._open

    def on_confirm(self, frame: Any) -> None:
        """Note an ack or a nack, of one message or of all up to it."""
        answer = frame.method
        if answer.multiple:
            settled = {tag for tag in self._open if tag <= answer.delivery_tag}
        else:
            settled = self._open & {answer.delivery_tag}
        self._open -= settled
        if isinstance(answer, spec.Basic.Nack):
            self.refused += len(settled)

    def on_return(self, *_: object) -> None:
        """Note a message that no queue wanted; the broker acknowledges it afterwards."""
        self.unroutable += 1
