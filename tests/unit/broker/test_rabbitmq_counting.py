"""Confirms and windows are counted right, without any connection."""

from pika import spec  # type: ignore[import-untyped]  # pika ships no types
from pika.frame import Method  # type: ignore[import-untyped]  # pika ships no types

from infra.broker.rabbitmq.channel_consumer import PrefetchWindow
from infra.broker.rabbitmq.confirms import PublisherConfirms


def _confirms(expected: int) -> PublisherConfirms:
    confirms = PublisherConfirms()
    for _ in range(expected):
        confirms.expect()
    return confirms


def _ack(tag: int, *, multiple: bool = False) -> Method:
    return Method(1, spec.Basic.Ack(tag, multiple))


def _nack(tag: int, *, multiple: bool = False) -> Method:
    return Method(1, spec.Basic.Nack(tag, multiple))


def test_a_batch_is_settled_when_every_message_is() -> None:
    confirms = _confirms(4)
    confirms.on_confirm(_ack(3))
    confirms.on_confirm(_ack(2, multiple=True))
    assert not confirms.is_settled()
    confirms.on_confirm(_ack(4))
    assert confirms.is_settled()
    assert (confirms.refused, confirms.unroutable) == (0, 0)


def test_refusals_are_counted_once_each() -> None:
    confirms = _confirms(4)
    confirms.on_confirm(_ack(2))
    confirms.on_confirm(_nack(3, multiple=True))
    confirms.on_confirm(_nack(3))
    confirms.on_confirm(_ack(4))
    assert confirms.is_settled()
    assert confirms.refused == 2


def test_the_next_batch_goes_on_counting_tags_and_starts_without_failures() -> None:
    confirms = _confirms(2)
    confirms.on_return()
    confirms.on_confirm(_nack(2, multiple=True))
    confirms.begin()
    confirms.expect()
    assert (confirms.refused, confirms.unroutable) == (0, 0)
    confirms.on_confirm(_ack(2, multiple=True))
    assert not confirms.is_settled()
    confirms.on_confirm(_ack(3))
    assert confirms.is_settled()


def test_a_window_is_granted_once() -> None:
    window = PrefetchWindow(8)
    assert window.grant() == 8
    window.deliver(1)
    assert window.grant() == 0
    window.settle(1)
    assert window.grant() == 0


def test_a_window_counts_what_is_still_out_after_a_pause() -> None:
    window = PrefetchWindow(3)
    window.grant()
    for tag in (1, 2, 3):
        window.deliver(tag)
    window.revoke()
    assert window.grant() == 0
    window.settle(2)
    assert window.grant() == 1
    window.deliver(4)
    window.settle(4)
    assert window.grant() == 0
    window.settle(1)
    window.settle(3)
    assert window.grant() == 2


def test_pausing_twice_keeps_what_is_out() -> None:
    window = PrefetchWindow(2)
    window.grant()
    window.deliver(1)
    window.revoke()
    window.revoke()
    assert window.grant() == 1
