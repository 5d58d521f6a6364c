"""What an API key may do. The order is the meaning: each scope includes those before it."""

from enum import StrEnum


class Scope(StrEnum):
    """`admin` includes `write`, which includes `read`."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    def allows(self, needed: "Scope") -> bool:
        """Whether a key of this scope may do what needs the other one."""
        order = tuple(Scope)
        return order.index(self) >= order.index(needed)
