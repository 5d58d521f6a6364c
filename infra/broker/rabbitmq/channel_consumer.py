"""The consuming side of one connection: subscriptions, deliveries and their dispositions.

Must not know how the connection is replaced when it is lost, nor what a delivery is for.
"""

from collections import deque
from functools import partial
from typing import Any

from infra.broker.broker import Delivery, Disposition, Prefetch
from infra.broker.rabbitmq.connection import BrokerConnection
from infra.broker.rabbitmq.errors import translated, unavailable
from infra.broker.topology import Topology
from infra.contract.states import Lane


class PrefetchWindow:
    """How much of a lane's prefetch is granted to subscriptions, and what is out.

    RabbitMQ counts per subscription: one that is cancelled leaves its deliveries with us, and the
    next one starts from nought. Resuming in mid-work would double the bound without this.
    """

    def __init__(self, prefetch: int) -> None:
        self._prefetch = prefetch
        self._granted = 0
        self._out: set[int] = set()
        self._orphans: set[int] = set()  # out, and of a subscription that is cancelled

    def grant(self) -> int:
        """Return how many deliveries a new subscription may hold, and count them as granted."""
        room = self._prefetch - self._granted - len(self._orphans)
        self._granted += room
        return room

    def revoke(self) -> None:
        """All subscriptions are cancelled; what they brought stays out until settled."""
        self._granted = 0
        self._orphans = set(self._out)

    def deliver(self, tag: int) -> None:
        """Count a delivery as out."""
        self._out.add(tag)

    def settle(self, tag: int) -> None:
        """Count a delivery as done."""
        self._out.discard(tag)
        self._orphans.discard(tag)


class ChannelConsumer:
    """Lives as long as its connection. Only dispositions arrive from other threads."""

    def __init__(
        self, connection: BrokerConnection, topology: Topology, prefetch: Prefetch
    ) -> None:
        self._connection = connection
        self._topology = topology
        self._windows = {lane: PrefetchWindow(prefetch.of(lane)) for lane in Lane}
        self._subscriptions: list[str] = []
        self._arrived: deque[tuple[int, Delivery]] = deque()
        # Appending is thread-safe.
        self._dispositions: deque[tuple[Lane, int, Disposition]] = deque()
        self._cancelled_by_broker: list[object] = []
        connection.channel.add_on_cancel_callback(self._cancelled_by_broker.append)

    def is_busy(self) -> bool:
        """Whether something waits for `apply`, `take` or the caller's attention."""
        return bool(self._arrived or self._dispositions or self._cancelled_by_broker)

    def subscribe(self) -> None:
        """Ask for as many deliveries as the prefetch leaves room for."""
        for lane, window in self._windows.items():
            room = window.grant()
            if room <= 0:
                continue
            ask, channel = self._connection.ask, self._connection.channel
            ask(channel.basic_qos, prefetch_count=room)  # for the next subscription only
            answer = ask(
                channel.basic_consume,
                queue=self._topology.queue(lane).name,
                on_message_callback=partial(self._arrive, lane),
            )
            self._subscriptions.append(answer.method.consumer_tag)

    def unsubscribe(self) -> None:
        """Ask for no more, and give back what was not handed over yet."""
        for subscription in self._subscriptions:
            # While it waits for the answer, pika returns deliveries that are still on their way.
            self._connection.ask(self._connection.channel.basic_cancel, consumer_tag=subscription)
        self._subscriptions.clear()
        while self._arrived:
            tag, delivery = self._arrived.popleft()
            self._settle(delivery.lane, tag, disposition=Disposition.REQUEUE)
        for window in self._windows.values():
            window.revoke()

    def apply(self) -> None:
        """Tell the broker the dispositions so far. Raises when it has ended a subscription."""
        if self._cancelled_by_broker:
            raise unavailable("RabbitMQ ended a subscription: its queue was deleted or moved.")
        while self._dispositions:
            lane, tag, disposition = self._dispositions.popleft()
            self._settle(lane, tag, disposition=disposition)

    def take(self) -> Delivery | None:
        """Return the next delivery to hand over, if one has arrived."""
        return self._arrived.popleft()[1] if self._arrived else None

    def _arrive(
        self, lane: Lane, _channel: Any, method: Any, _properties: Any, body: bytes
    ) -> None:
        tag = method.delivery_tag
        self._windows[lane].deliver(tag)

        def settle(disposition: Disposition) -> None:
            self._dispositions.append((lane, tag, disposition))
            self._connection.wake()

        delivery = Delivery(lane, body, redelivered=bool(method.redelivered), settle=settle)
        self._arrived.append((tag, delivery))

    def _settle(self, lane: Lane, tag: int, *, disposition: Disposition) -> None:
        with translated():
            if disposition is Disposition.ACK:
                self._connection.channel.basic_ack(tag)
            else:
                self._connection.channel.basic_reject(
                    tag, requeue=disposition is Disposition.REQUEUE
                )
        self._windows[lane].settle(tag)
