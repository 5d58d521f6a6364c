"""A process that delivers what is due until somebody kills it. Argument: the database's URL."""

import signal
import sys

from infra.db.engine import Database
from infra.settings.sections import DatabaseSettings
from tests.integration.webhooks.mail import webhook_worker

if __name__ == "__main__":
    with Database(DatabaseSettings(url=sys.argv[1])) as opened, webhook_worker(opened):
        signal.pause()
