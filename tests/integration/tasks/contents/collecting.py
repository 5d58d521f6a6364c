"""A process that collects garbage and is killed right before or after it removes objects.

Arguments: "before" or "after", and the database's URL. The store is in the environment.
"""

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from infra.db.engine import Database
from infra.objectstore import ObjectStore
from infra.settings.sections import (
    DatabaseSettings,
    GarbageSettings,
    StoreSettings,
    WebhookSettings,
)
from tasks.upkeep.collect import collect_garbage
from tasks.upkeep.garbage import Rules


class DyingStore(ObjectStore):
    """Ends the process at its first removal."""

    def remove_many(self, keys: Sequence[str]) -> None:
        if sys.argv[1] == "after":
            super().remove_many(keys)
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    webhooks = WebhookSettings()
    rules = replace(Rules.of(GarbageSettings(), webhooks), grace=timedelta(0))
    with (
        Database(DatabaseSettings(url=sys.argv[2])) as database,
        DyingStore(StoreSettings.load()) as store,
    ):
        collect_garbage(database, store, webhooks, rules=rules)
