"""All numbers of advisory locks: a lock is its number, so that no two things may share one.

A number stands for itself, or seeds the hash of a text that is locked. Processes of two releases
work side by side during an upgrade: a number that is in use never changes.
"""

from enum import IntEnum, unique


@unique
class AdvisoryLock(IntEnum):
    """What is locked by a number instead of a row."""

    SOURCE_URL = 0  # seeds the hash of a source URL whose product is looked for
    MIGRATION = 7_160_021
    CONTENT = 7_160_022  # seeds the hash of a content's SHA-256
    POLLING = 7_160_023
    RETRY = 7_160_024  # starts of batches that retry failures
    REMOVAL = 7_160_025  # shared by those that remove objects, held alone by a backup
