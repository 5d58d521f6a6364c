"""Keeps a lane's deliveries within its prefetch, across pauses. Pure counting, no pika.

RabbitMQ counts per subscription: one that is cancelled leaves its deliveries with us, and the
next one starts from nought. Resuming in mid-work would double the bound without this.
"""


class PrefetchWindow:
    """How much of a lane's prefetch is granted to subscriptions, and what is out."""

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
